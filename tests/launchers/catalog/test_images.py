"""Images against sagemaker-core's own list of addresses and PyTorch's published matrix of CUDA architectures."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image, find_image_problems
from hydra_sagemaker_launcher.catalog.instances import load_instances
from hydra_sagemaker_launcher.catalog.registries import is_listed
from hydra_sagemaker_launcher.catalog.releases import load_releases
from hydra_sagemaker_launcher.data_file import read_data_file
from hydra_sagemaker_launcher.errors import LaunchError

ECR = "763104351884.dkr.ecr.{}.amazonaws.com/huggingface-pytorch-training:"
TAGS = {
    "transformers-5.3": "2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04",
    "transformers-4.56": "2.8.0-transformers4.56.2-gpu-py312-cu129-ubuntu22.04",
    "transformers-4.49": "2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04",
    "transformers-4.36": "2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04",
}


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize("name", TAGS)
def test_each_row_has_the_address_of_the_published_image(name, region):
    image = choose_image(Hardware("ml.g5.xlarge", image=name), region)
    assert image.uri == ECR.format(region) + TAGS[name]
    torch, transformers, _, python, cuda, _ = TAGS[name].split("-")
    release = image.release
    assert (release.torch, f"transformers{release.transformers}", release.python, release.cuda) == (
        *(torch, transformers, python, cuda),
    )


@pytest.mark.slow
def test_every_address_is_the_one_that_sagemaker_core_composes(monkeypatch):
    """The launcher reads sagemaker-core's data and imports none of its modules, so this is where they are compared."""
    from sagemaker.core import common_utils, image_uris

    # It reads botocore's endpoints anew for each address.
    monkeypatch.setattr(common_utils, "_botocore_resolver", functools.cache(common_utils._botocore_resolver))
    for name, release in load_releases().items():
        if not is_listed(release):
            assert name == "transformers-5.13"
            continue
        framework, version = (
            ("huggingface", release.transformers) if release.transformers else ("pytorch", release.torch)
        )
        if release.repository == "pytorch":
            framework, version = "pytorch-amzn2023", ".".join(release.torch.split(".")[:2])
        regions = set(boto3.Session().get_available_regions("sagemaker", "aws")) | {"cn-north-1", "us-gov-west-1"}
        addresses = 0
        for region in sorted(regions):
            try:
                expected = image_uris.retrieve(
                    framework,
                    region,
                    version=version,
                    py_version=None if release.repository == "pytorch" else release.python,
                    base_framework_version=f"pytorch{release.torch}" if release.transformers else None,
                    instance_type="ml.g5.xlarge" if release.cuda else "ml.m5.xlarge",
                    image_scope="training",
                )
            except ValueError:
                with pytest.raises(LaunchError, match="knows of no image"):
                    choose_image(hardware_for(name), region)
            else:
                assert choose_image(hardware_for(name), region).uri == expected
                addresses += 1
        assert addresses > 20


def hardware_for(name):
    return Hardware("ml.g5.xlarge" if "cpu" not in name else "ml.m5.xlarge", image=name)


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
        ("us-gov-west-1", "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com/"),
        ("ap-east-1", "871362719292.dkr.ecr.ap-east-1.amazonaws.com/"),
    ],
)
def test_partitions_and_younger_regions_have_registries_of_their_own(region, registry):
    assert choose_image(Hardware("ml.g5.xlarge"), region).uri.startswith(registry)


def test_a_region_without_images_is_said():
    with pytest.raises(LaunchError, match=r"^hydra.launcher.region=nowhere-1: .* hardware.image"):
        choose_image(Hardware("ml.g5.xlarge"), "nowhere-1")
    with pytest.raises(LaunchError, match=r"^hydra.launcher.region=mx-central-1: .* hardware.image"):
        choose_image(Hardware("ml.g5.xlarge", image="transformers-5.3"), "mx-central-1")


def test_a_region_without_hugging_faces_images_gets_pytorchs():
    assert choose_image(Hardware("ml.g5.xlarge"), "mx-central-1").release.name.startswith("pytorch-2.")


def test_the_public_registry_serves_every_region():
    public = "public.ecr.aws/deep-learning-containers/pytorch:2.14-cu133-amzn2023-sagemaker"
    for region in ("us-east-1", "eu-central-1"):
        image = choose_image(Hardware("ml.g5.xlarge", image=public), region)
        assert (image.uri, image.release.name) == (public, "pytorch-2.14")
    (problem,) = find_image_problems(Hardware("ml.p3.2xlarge", image=public))
    assert "Volta" in problem
    named = {release.public: release.tag for release in load_releases().values() if release.public}
    assert all(public == tag for public, tag in named.items()) and len(named) == 9


@pytest.mark.parametrize(
    ("tag", "versions"),
    [
        ("2.15.1-cu133-amzn2023-sagemaker", ("2.15.1", "", "cu133")),
        ("2.15-cpu-amzn2023", ("2.15", "", "")),
        ("2.11.0-transformers5.13.1-cu130-amzn2023", ("2.11.0", "5.13.1", "cu130")),
    ],
)
def test_tags_on_amazon_linux_tell_their_versions(tag, versions):
    own = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:{tag}"
    release = choose_image(Hardware("ml.g5.xlarge", image=own), "us-east-1").release
    assert (release.torch, release.transformers, release.cuda) == versions


SMDDP = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:{}-gpu-py311-cu121-ubuntu20.04-sagemaker"


@pytest.mark.parametrize(
    ("instance", "torch", "allowed"),
    # AWS's page on the SMDDP library: its last image is torch 2.3.0, and P3 has only p3dn today.
    [
        ("ml.p4d.24xlarge", "2.3.0", True),
        ("ml.p4de.24xlarge", "2.2.0", True),
        ("ml.p3dn.24xlarge", "2.3.0", True),
        ("ml.p3.16xlarge", "2.1.0", True),
        ("ml.p3.16xlarge", "2.3.0", False),
        ("ml.p4d.24xlarge", "2.4.0", False),
    ],
)
def test_smdistributed_needs_the_pair_of_image_and_instance_type(instance, torch, allowed):
    problems = find_image_problems(Hardware(instance, 2, "smdistributed", image=SMDDP.format(torch)))
    if allowed:
        assert problems == []
    else:
        assert "choose hardware.distribution=torchrun" in problems[0]


@pytest.mark.parametrize(
    ("hardware", "name"),
    [
        (Hardware("ml.p3.2xlarge"), "transformers-4.49"),  # the last build with Volta
        (Hardware("ml.g4dn.xlarge"), "transformers-5.3"),
        (Hardware("ml.g5.12xlarge", 2, "torchrun"), "transformers-5.3"),
        (Hardware("ml.p3.16xlarge", 2, "smdistributed"), "transformers-4.36"),
        (Hardware("ml.p4d.24xlarge", 2, "smdistributed"), "transformers-4.36"),
        (Hardware("ml.p6-b200.48xlarge"), "transformers-5.3"),
        (Hardware("ml.g7.2xlarge"), "transformers-5.3"),
    ],
)
def test_the_newest_that_fits_is_chosen(hardware, name):
    image = choose_image(hardware, "us-east-1")
    assert image.uri == ECR.format("us-east-1") + TAGS[name]
    assert image.release.smdistributed == (name == "transformers-4.36")


def test_no_training_image_of_hugging_face_is_without_cuda_so_cpus_get_pytorchs_own():
    image = choose_image(Hardware("ml.m5.xlarge"), "us-east-1")
    assert image.uri == "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.14-cpu-amzn2023-sagemaker"
    release = image.release
    assert (release.transformers, release.torch, release.cuda, release.python) == ("", "2.14.0", "", "py312")


@pytest.mark.parametrize(
    ("hardware", "words"),
    [
        (Hardware("ml.p3.2xlarge", image="transformers-5.3"), ["Volta", "transformers-4.49"]),
        (Hardware("ml.p3dn.24xlarge", image="transformers-4.56"), ["Volta", "transformers-4.49"]),
        (Hardware("ml.p3.2xlarge", image=ECR.format("us-east-1") + TAGS["transformers-5.3"]), ["Volta"]),
        (Hardware("ml.p6-b200.48xlarge", image="transformers-4.49"), ["Blackwell", "transformers-5.3"]),
        (Hardware("ml.m5.large", image="transformers-5.3"), ["ml.m5.large", "pytorch-2.14-cpu"]),
        (Hardware("ml.g5.xlarge", image="pytorch-2.9-cpu"), ["without CUDA", "transformers-5.3"]),
        (Hardware("ml.p4d.24xlarge", distribution="smdistributed", image="transformers-4.49"), ["transformers-4.36"]),
        (Hardware("ml.g5.xlarge", image="nginx"), ["transformers-5.3", "amazonaws.com"]),
        (Hardware("ml.g5.xlarge", image=""), ["null"]),
        (Hardware("ml.g5.xlarge", image="docker.io/library/python:3.11"), ["ECR"]),
        (Hardware("ml.trn1.2xlarge", image="transformers-5.3"), ["full address"]),
    ],
)
def test_an_image_that_does_not_fit_is_refused_before_anything_is_asked(hardware, words):
    (problem,) = find_image_problems(hardware)
    assert problem.startswith(f"hardware.image={hardware.image}: ")
    assert all(word in problem for word in words) and "\n" not in problem
    with pytest.raises(LaunchError):
        choose_image(hardware, "us-east-1")


@pytest.mark.parametrize("name", ["ml.p2.xlarge", "ml.trn1.2xlarge", "ml.p6e-gb200.36xlarge"])
def test_where_nothing_of_ours_fits_an_own_image_is_the_way_out(name):
    (problem,) = find_image_problems(Hardware(name))
    assert problem.startswith(f"hardware.instance_type={name}: ") and "hardware.image" in problem
    own = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/mine/train@sha256:{'0' * 64}"
    assert find_image_problems(Hardware(name, image=own)) == []
    image = choose_image(Hardware(name, image=own), "us-east-1")
    assert (image.uri, image.release.torch, image.release.python) == (own, "", "")


def test_every_gpu_of_the_table_but_kepler_has_an_image():
    known = load_instances().items()
    assert {has.architecture for name, has in known if find_image_problems(Hardware(name))} == {"kepler"}


def test_an_own_image_in_the_form_of_the_deep_learning_containers_tells_its_versions():
    own = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:2.3.0-transformers4.46.1-gpu-py311-cu121-ubuntu20.04-v2"
    release = choose_image(Hardware("ml.p3.2xlarge", image=own), "eu-west-1").release
    assert (release.torch, release.transformers, release.python, release.cuda) == ("2.3.0", "4.46.1", "py311", "cu121")
    other = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:2.9.0-gpu-py312-cu130"
    assert find_image_problems(Hardware("ml.p3.2xlarge", image=other)) == []  # nobody knows how it was built


def test_an_image_of_another_region_is_refused():
    own = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
    with pytest.raises(LaunchError, match="eu-west-1"):
        choose_image(Hardware("ml.g5.xlarge", image=own), "us-east-1")


def test_impossible_hardware_is_refused_as_well():
    with pytest.raises(LaunchError, match="did you mean"):
        choose_image(Hardware("ml.g5.xlarg"), "us-east-1")
    with pytest.raises(LaunchError, match="smdistributed"):
        choose_image(Hardware("ml.g5.xlarge", distribution="smdistributed"), "us-east-1")


def test_names_are_unique_and_checking_imports_no_client():
    assert len(load_releases()) == len(read_data_file("catalog/images.yaml")["images"])
    launchers = Path(__file__).parents[3] / "launchers"
    code = (
        f"import sys; sys.path.insert(0, {str(launchers)!r})\n"
        "from hydra_sagemaker_launcher.catalog import hardware as hardware_catalog, images as image_catalog\n"
        "from hydra_sagemaker_launcher.catalog import prices as price_catalog\n"
        "from hydra_sagemaker_launcher.jobs import safe_extract\n"
        "from hydra_sagemaker_launcher.packaging import source_archive\n"
        "hardware = hardware_catalog.Hardware('ml.p3.2xlarge')\n"
        "assert not hardware_catalog.find_hardware_problems(hardware) + image_catalog.find_image_problems(hardware)\n"
        "price_catalog.look_up_prices(['ml.p3.2xlarge'], 'us-east-1', None)\n"
        "assert not {'boto3', 'botocore', 'sagemaker', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
