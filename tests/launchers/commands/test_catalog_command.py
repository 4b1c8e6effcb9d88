"""`hydra-sagemaker catalog update` against a stand-in for AWS's price list and GitHub, in their documented forms."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hydra_sagemaker_launcher.catalog import user_catalog
from hydra_sagemaker_launcher.catalog.expiry import list_expired
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image
from hydra_sagemaker_launcher.catalog.prices import Price, look_up_prices
from hydra_sagemaker_launcher.catalog.releases import load_releases
from hydra_sagemaker_launcher.cli import main

OFFER = "/offers/v1.0/aws/AmazonSageMaker/20261127001122/eu-central-1/index.json"


def price_list(prices: dict[str, str], published: str = "2026-11-27T00:11:22Z") -> dict[str, Any]:
    """An offer file: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file.html"""
    products, terms = {}, {}
    for number, (usage, usd) in enumerate(prices.items()):
        sku = f"SKU{number:013d}"
        attributes = {"servicecode": "AmazonSageMaker", "regionCode": "eu-central-1", "usagetype": usage}
        products[sku] = {"sku": sku, "productFamily": "ML Instance", "attributes": attributes}
        dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd}}
        offer = f"{sku}.JRTCKXETXF"
        terms[sku] = {offer: {"sku": sku, "priceDimensions": {f"{offer}.6YS6EN2CT7": dimension}}}
    return {
        "formatVersion": "v1.0", "offerCode": "AmazonSageMaker", "publicationDate": published,
        "products": products, "terms": {"OnDemand": terms},
    }  # fmt: skip


PRICES = {
    "EUC1-Train:ml.g5.xlarge": "1.7610000000",
    "EUC1-Host:ml.g5.xlarge": "9.0000000000",
    "EUC1-TrainFree:ml.g5.xlarge": "0.0000000000",
    "EUC1-Train:ml.g6.xlarge": "1.4090000000",
    "EUC1-Train:ml.trn1.2xlarge": "1.9000000000",
    "EUC1-Studio:JupyterLab-ml.g6.xlarge": "1.5",
}
IMAGES = {
    "pytorch": {
        "2.14-cuda-sagemaker.yml": 'version: "2.14"\naccelerator: gpu\npython: py312\ncuda: cu133\nga: "2026-09-28"\n'
        'eop: "2027-12-01"\npublic_registry: true\ntags: ["2.14.0-cu133-amzn2023-sagemaker", '
        '"2.14-cu133-amzn2023-sagemaker"]\n',
        "2.15-cuda-sagemaker.yml": 'version: "2.15"\naccelerator: gpu\npython: py313\ncuda: cu133\nga: "2026-11-20"\n'
        'eop: "2027-11-20"\npublic_registry: true\ntags: ["2.15.0-cu133-amzn2023-sagemaker", '
        '"2.15-cu133-amzn2023-sagemaker"]\n',
        "2.15-cuda-ec2.yml": "never: [read",
    },
    "pytorch-training": {
        "2.9-gpu-sagemaker.yml": 'version: "2.9"\naccelerator: gpu\nga: "2025-10-15"\neop: "2026-10-15"\n'
        'tags: ["2.9.0"]'
    },
    "huggingface-pytorch-training": {
        "2.9-gpu-sagemaker.yml": 'version: "2.9"\naccelerator: gpu\npython: py312\ncuda: cu130\ntransformers: "5.3.0"\n'
        'tags: ["2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"]\n',
        "2.5-gpu-sagemaker.yml": 'version: "2.5"\naccelerator: gpu\npython: py311\ncuda: cu124\n'
        'transformers: "4.49.0"\ntags: ["2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04"]\n',
    },
}


class StandIn:
    """Serves what `files` holds by path, and remembers what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in.asked.append(self.path)
                content = stand_in.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def serve(self, prices: dict[str, str] = PRICES) -> None:
        index = {"regions": {"eu-central-1": {"regionCode": "eu-central-1", "currentVersionUrl": OFFER}}}
        self.files["/offers/v1.0/aws/AmazonSageMaker/current/region_index.json"] = json.dumps(index).encode()
        self.files[OFFER] = json.dumps(price_list(prices)).encode()
        for folder, files in IMAGES.items():
            listing = [{"name": name, "download_url": f"{self.url}/raw/{folder}/{name}"} for name in files]
            self.files[f"/data/{folder}"] = json.dumps(listing).encode()
            self.files |= {f"/raw/{folder}/{name}": text.encode() for name, text in files.items()}

    def arguments(self, *more: str) -> list[str]:
        urls = ["--price-list-url", self.url, "--image-data-url", f"{self.url}/data"]
        return ["catalog", "update", "--region", "eu-central-1", *urls, *more]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.delenv(user_catalog.PATH_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    user_catalog.forget_catalog()
    made = StandIn()
    yield made
    made.server.shutdown()
    user_catalog.forget_catalog()


def test_an_update_says_what_changes_and_the_launcher_goes_by_it(
    stand_in: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.serve()
    main(stand_in.arguments())
    told = capsys.readouterr().out
    assert "eu-central-1: AWS's price list of 2026-11-27 has 3 training prices, 1 of them new" in told
    assert "eu-central-1 ml.g5.xlarge: $1.408 (table 2026-09-25) -> $1.761" in told
    assert "image pytorch-2.15: new, torch 2.15.0, patched until 2027-11-20" in told
    assert "2027-09-28 -> 2.14-cu133-amzn2023-sagemaker, 2027-12-01" in told
    assert "not sold for training on demand" in told and "ml.p3.2xlarge" in told
    assert (tmp_path / "hydra-sagemaker" / "catalog.yaml").is_file()
    assert not any("ec2" in path for path in stand_in.asked if path.startswith("/raw"))

    prices = look_up_prices(["ml.g5.xlarge", "ml.trn1.2xlarge", "ml.p3.2xlarge"], "eu-central-1", None)
    assert prices["ml.g5.xlarge"] == Price(1.761, "aws price list 2026-11-27", estimate=False)
    assert prices["ml.trn1.2xlarge"] == Price(1.9, "aws price list 2026-11-27", estimate=False)
    assert prices["ml.p3.2xlarge"] == Price(3.825, "table 2026-11", estimate=True)
    assert look_up_prices(["ml.g5.xlarge"], "us-east-1", None)["ml.g5.xlarge"] == Price(
        1.408, "table 2026-09-25", estimate=True
    )

    releases = load_releases()
    assert releases["pytorch-2.14"].end_of_patch == datetime.date(2027, 12, 1)
    # The release data has no days for Hugging Face's older images: the launcher's own stay.
    assert releases["transformers-4.49"].end_of_patch == datetime.date(2025, 10, 29)
    assert releases["transformers-5.3"].end_of_patch == datetime.date(2026, 10, 15)
    named = choose_image(Hardware("ml.g5.xlarge", image="pytorch-2.15"), "eu-central-1")
    assert named.uri == "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch:2.15-cu133-amzn2023-sagemaker"
    # A new image is not chosen by itself before sagemaker-core lists its address as well.
    assert choose_image(Hardware("ml.g5.xlarge"), "eu-central-1").release.name == "transformers-5.3"


def test_a_second_update_finds_nothing_new_and_keeps_other_regions(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.serve()
    main(stand_in.arguments())
    user_catalog.write_catalog(
        {**user_catalog.read_catalog(), "prices": {
            **user_catalog.read_catalog()["prices"],
            "sa-east-1": {"published": "2026-11-01", "usd_per_hour": {"ml.g5.xlarge": 2.5}},
        }}
    )  # fmt: skip
    capsys.readouterr()
    main(stand_in.arguments())
    told = capsys.readouterr().out
    assert "->" not in told and "image" not in told and "0 of them new" in told
    assert look_up_prices(["ml.g5.xlarge"], "sa-east-1", None)["ml.g5.xlarge"] == Price(
        2.5, "aws price list 2026-11-01", estimate=False
    )


def test_a_type_that_the_region_no_longer_sells_is_warned_of(stand_in: StandIn) -> None:
    stand_in.serve()
    main(stand_in.arguments())
    image = choose_image(Hardware("ml.g6e.xlarge"), "eu-central-1")
    (line, _) = list_expired(Hardware("ml.g6e.xlarge"), image, "eu-central-1", datetime.date(2026, 11, 28))
    assert line.startswith("ml.g6e.xlarge: AWS's price list of 2026-11-27 sells no training on it in eu-central-1")
    assert not any("sells no" in line for line in list_expired(
        Hardware("ml.g6e.xlarge"), image, "us-east-1", datetime.date(2026, 11, 28)
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("/offers/v1.0/aws/AmazonSageMaker/current/region_index.json", None, "cannot be downloaded (Not Found)"),
        ("/offers/v1.0/aws/AmazonSageMaker/current/region_index.json", b"<html>", "is not JSON"),
        ("/offers/v1.0/aws/AmazonSageMaker/current/region_index.json", b"[]", "has no regions"),
        (OFFER, b"{}", "is not an offer file of AWS"),
        (OFFER, json.dumps(price_list({})).encode(), "has no price of training"),
        ("/data/pytorch", b'{"message": "API rate limit exceeded"}', "is not release data"),
        ("/raw/pytorch/2.14-cuda-sagemaker.yml", b"a: [b", "is not YAML"),
        ("/raw/pytorch/2.14-cuda-sagemaker.yml", b"version: '2.14'\ntags: ['x; rm']\n", "is not a version or a tag"),
    ],
)
def test_an_answer_that_makes_no_sense_changes_nothing(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str], path: str, content: bytes | None, words: str
) -> None:
    stand_in.serve()
    main(stand_in.arguments())
    before = user_catalog.get_catalog_path().read_bytes()
    if content is None:
        del stand_in.files[path]
    else:
        stand_in.files[path] = content
    with pytest.raises(SystemExit) as exited:
        main(stand_in.arguments())
    told = capsys.readouterr().err
    assert exited.value.code == 1
    assert words in told and "nothing is changed" in told and "Traceback" not in told
    assert user_catalog.get_catalog_path().read_bytes() == before


def test_a_region_that_is_not_there_is_named(stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.serve()
    with pytest.raises(SystemExit):
        main(["catalog", "update", "--region", "eu-centrall-1", *stand_in.arguments()[4:]])
    assert "--region eu-centrall-1: " in (told := capsys.readouterr().err) and "choose from eu-central-1" in told


def test_a_file_that_is_no_catalog_is_named(stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = user_catalog.get_catalog_path()
    path.parent.mkdir(parents=True)
    path.write_text("prices: [1]\n")
    with pytest.raises(SystemExit):
        main(["catalog", "show"])
    told = capsys.readouterr().err
    assert f"{path}: is not a catalog" in told and "hydra-sagemaker catalog update" in told


def test_show_names_prices_images_and_their_days(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    main(["catalog", "show", "--region", "us-east-1"])
    told = capsys.readouterr().out
    assert all(word in told for word in ("ml.g6.xlarge", "1.127", "transformers-4.36", "2024-10-04", "not there"))
