"""AWS's public price list of SageMaker, by the Price List Bulk API: plain files over HTTPS, without an account.

See https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html: the index of
regions of an offer names the newest offer file of each region, which has `products` and `terms` by SKU.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from hydra_sagemaker_launcher.catalog.download import download_json
from hydra_sagemaker_launcher.catalog.prices import iter_on_demand_prices
from hydra_sagemaker_launcher.errors import LaunchError

PRICE_LIST_URL = "https://pricing.us-east-1.amazonaws.com"
_INDEX = "/offers/v1.0/aws/AmazonSageMaker/current/region_index.json"
_TRAINING = re.compile(r"([A-Z0-9]+-)?Train:(?P<type>ml\.[a-z0-9-]+\.[a-z0-9-]+)")  # e.g. EUC1-Train:ml.g5.xlarge


@dataclass(frozen=True)
class PriceList:
    """The prices of training on demand in a region, in dollars per hour, by instance type."""

    region: str
    published: str  # the day
    usd_per_hour: dict[str, float]


def fetch_price_list(url: str, regions: Sequence[str]) -> list[PriceList]:
    """Fetch the training prices of some regions.

    Args:
        url: The root of the price list.
        regions: The regions.

    Raises:
        LaunchError: The list cannot be downloaded, a region is not in it, or an offer file has another form.
    """
    index = download_json(urljoin(url, _INDEX))
    known = index.get("regions") if isinstance(index, dict) else None
    if not isinstance(known, dict):
        raise LaunchError(f"{urljoin(url, _INDEX)}: has no regions; give the root of AWS's price list or of a mirror")
    if unknown := [region for region in regions if region not in known]:
        raise LaunchError(
            f"--region {' '.join(unknown)}: AWS's price list of SageMaker has no such region; choose from "
            f"{', '.join(sorted(known))}"
        )
    addresses = {region: urljoin(url, known[region]["currentVersionUrl"]) for region in regions}
    return [_fetch_region(address, region) for region, address in addresses.items()]


def _fetch_region(url: str, region: str) -> PriceList:
    offers = download_json(url)
    try:
        prices = dict[str, float]()
        for sku, product in offers["products"].items():
            match = _TRAINING.fullmatch(str(product["attributes"].get("usagetype", "")))
            if match is None or product["attributes"].get("regionCode", region) != region:
                continue
            terms: dict[str, Any] = {"terms": {"OnDemand": offers["terms"]["OnDemand"].get(sku, {})}}
            for usd in iter_on_demand_prices(terms):  # the highest if there are several, as of the Pricing API
                prices[match["type"]] = max(usd, prices.get(match["type"], 0.0))
        published = str(offers["publicationDate"])[:10]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LaunchError(f"{url}: is not an offer file of AWS ({type(error).__name__}: {error})") from None
    if not prices:
        raise LaunchError(f"{url}: has no price of training on demand")
    return PriceList(region, published, prices)
