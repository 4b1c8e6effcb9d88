"""Prices in the form in which the AWS Pricing API answers, and the published dollars of the original experiment."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.instances import find_instance, load_instances
from hydra_sagemaker_launcher.catalog.prices import (
    Price,
    compute_cost,
    compute_worst_case,
    look_up_prices,
    resolve_price,
)
from hydra_sagemaker_launcher.data_file import read_data_file


def row(usd: str, instance: str = "ml.p3.2xlarge", currency: str = "USD", **attributes: str) -> str:
    """One element of PriceList: JSON in a string."""
    dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {currency: usd}}
    named = {"regionCode": "eu-central-1", "instanceName": instance, "servicecode": "AmazonSageMaker", **attributes}
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "sku": "ABC", "attributes": named},
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {"ABC.JRTCKXETXF": {"priceDimensions": {"ABC.JRTCKXETXF.6YS6EN2CT7": dimension}}}},
        }
    )


@pytest.fixture
def pricing():
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("pricing", "us-east-1", **keys)


def expected(instance: str, region: str = "eu-central-1") -> dict[str, object]:
    wanted = {"productFamily": "ML Instance", "regionCode": region, "instanceName": instance}
    return {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    }


HOSTING = {"platoinstancetype": "Hosting", "usagetype": "EUC1-Host:ml.p3.2xlarge"}


@pytest.mark.parametrize(
    "training",
    [
        {"platoinstancetype": "Training", "usagetype": "EUC1-Train:ml.p3.2xlarge"},
        {"component": "Training"},
        {"usagetype": "EUC1-Train:ml.p3.2xlarge"},
    ],
)
def test_the_training_row_is_found_on_the_second_page_among_others(pricing, training):
    with Stubber(pricing) as stub:
        first = {"PriceList": [row("9.9", **HOSTING), row("0.0000000000", **training)], "NextToken": "more"}
        stub.add_response("get_products", first, expected("ml.p3.2xlarge"))
        last = {"PriceList": [row("4.779000", **training), row("7.0", currency="CNY", **training)]}
        stub.add_response("get_products", last, {**expected("ml.p3.2xlarge"), "NextToken": "more"})
        found = look_up_prices(["ml.p3.2xlarge", "ml.p3.2xlarge"], "eu-central-1", pricing)
        stub.assert_no_pending_responses()
    assert found == {"ml.p3.2xlarge": Price(4.779, "aws pricing api", estimate=False)}


def test_without_a_row_the_dated_table_estimates_and_unknown_stays_unknown(pricing):
    with Stubber(pricing) as stub:
        stub.add_response("get_products", {"PriceList": [row("9.9", **HOSTING)]}, expected("ml.p3.2xlarge"))
        stub.add_response("get_products", {"PriceList": []}, expected("ml.trn1.2xlarge"))
        found = look_up_prices(["ml.p3.2xlarge", "ml.trn1.2xlarge"], "eu-central-1", pricing)
    assert found == {"ml.p3.2xlarge": Price(3.825, "table 2026-11", estimate=True), "ml.trn1.2xlarge": None}


def test_without_rights_it_is_asked_once(pricing, caplog):
    with Stubber(pricing) as stub:
        stub.add_client_error("get_products", "AccessDeniedException", "User: x is not authorized")
        found = look_up_prices(["ml.p3.2xlarge", "ml.g4dn.xlarge"], "eu-central-1", pricing)
    assert [price.source for price in found.values()] == ["table 2026-11"] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("answer", ["no json", "[]", json.dumps({"terms": {"OnDemand": []}, "product": {}})])
def test_an_answer_that_makes_no_sense_is_no_answer(pricing, answer):
    with Stubber(pricing) as stub:
        stub.add_response("get_products", {"PriceList": [answer]}, expected("ml.p3.2xlarge"))
        assert look_up_prices(["ml.p3.2xlarge"], "eu-central-1", pricing)["ml.p3.2xlarge"].estimate


def test_an_endpoint_that_is_down_is_no_answer():
    quick = Config(retries={"max_attempts": 0}, connect_timeout=1)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("pricing", "us-east-1", endpoint_url="http://127.0.0.1:9", config=quick, **keys)
    assert look_up_prices(["ml.g4dn.xlarge"], "us-east-1", client)["ml.g4dn.xlarge"] == Price(
        0.7364, "table 2026-11", True
    )


def test_a_region_with_rows_of_its_own_is_estimated_by_them():
    there = look_up_prices(["ml.g6.xlarge", "ml.g5.xlarge"], "ap-northeast-1", None)
    assert there["ml.g6.xlarge"] == Price(1.634, "table 2026-09-22", estimate=True)
    assert there["ml.g5.xlarge"] == Price(1.408, "table 2026-09-25", estimate=True)  # the level of us-east-1


def test_no_client_no_question():
    assert look_up_prices(["ml.p3.16xlarge", "ml.x.large"], "us-east-1", None) == {
        "ml.p3.16xlarge": Price(28.152, "table 2026-11", estimate=True),
        "ml.x.large": None,
    }


@pytest.mark.parametrize(
    ("seconds", "instance", "count", "dollars"),
    [(1487, "ml.p3.2xlarge", 1, "1.58"), (1809, "ml.g4dn.xlarge", 1, "0.37"), (619, "ml.p3.16xlarge", 2, "9.68")],
)
def test_the_dollars_of_the_original_experiment(seconds, instance, count, dollars):
    price = look_up_prices([instance], "us-east-1", None)[instance]
    node = compute_cost(Hardware(instance, count), price, {"BillableTimeInSeconds": seconds})
    assert f"{node['usd']:.2f}" == dollars
    assert node["usd"] == round(node["usd"], 4)
    assert (node["billable_seconds"], node["instance_count"]) == (seconds, count)
    assert (node["price_source"], node["estimate"]) == ("table 2026-11", True)


def test_a_cost_without_a_price_keeps_the_seconds():
    node = compute_cost(Hardware("ml.trn1.2xlarge"), None, {"BillableTimeInSeconds": 100})
    assert node["billable_seconds"] == 100
    assert node["usd"] is None and node["usd_per_hour"] is None and node["price_source"] is None


def test_spot_saves_what_was_not_billed():
    price = Price(2.0, "aws pricing api", estimate=False)
    spot, seconds = Hardware("ml.g5.xlarge", spot=True), {"BillableTimeInSeconds": 300, "TrainingTimeInSeconds": 1000}
    node = compute_cost(spot, price, seconds)
    assert node["spot_saving"] == 0.7
    assert node["usd"] == round(300 * 2 / 3600, 4)
    assert "spot_saving" not in compute_cost(Hardware("ml.g5.xlarge"), price, seconds)
    assert "spot_saving" not in compute_cost(spot, price, {})  # it never trained


def test_the_config_overrides_and_the_worst_case_is_the_whole_time_on_all_instances():
    hardware = Hardware("ml.p3.16xlarge", 2, "smdistributed", max_hours=1.5)
    known = look_up_prices([hardware.instance_type], "us-east-1", None)
    assert compute_worst_case(hardware, resolve_price(hardware, known)) == pytest.approx(2 * 1.5 * 28.152)
    own = Hardware("ml.p3.16xlarge", usd_per_hour=10.0)
    assert resolve_price(own, known) == Price(10.0, "hardware.usd_per_hour", estimate=False)
    assert compute_worst_case(own, None) is None


def test_the_dated_table_names_known_instances_and_larger_ones_cost_more():
    regions = read_data_file("catalog/prices.yaml")["prices"]
    assert set(regions) <= set(boto3.Session().get_available_regions("sagemaker"))
    assert all(find_instance(name) is not None for table in regions.values() for name in table)
    table = regions["us-east-1"]
    for small, large in (("ml.p3.2xlarge", "ml.p3.8xlarge"), ("ml.g5.12xlarge", "ml.g5.24xlarge")):
        assert table[small]["usd_per_hour"] < table[large]["usd_per_hour"]
    assert set(table) & set(load_instances())
