"""Croissant: the fields of both specifications, and what an existing document keeps."""

import json
from typing import Any, cast

import pytest

from sarto.audit.labels import File, croissant, label
from tests.audit.labels.compas import rows

ABOUT: dict[str, Any] = {
    "@context": {"odrl": "http://www.w3.org/ns/odrl/2/"},
    "conformsTo": "http://mlcommons.org/croissant/1.1",
    "name": "COMPAS",
    "license": "https://example.org/license",
    "rai:dataUseCases": ["None."],
    "rai:dataBiases": "Arrests are not crimes.",
    "distribution": [
        {"@type": "cr:FileObject", "@id": "my-compas.csv", "contentUrl": "https://example.org/x.csv"}
    ],
}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    data = rows()
    data["race"][0] = ""
    return croissant(label(data, ["race"], "recid"), File("my compas.csv", "0" * 64, 10), ABOUT)


def test_what_a_label_knows_stands_in_the_responsible_fields(made: dict[str, Any]) -> None:
    assert made["@context"]["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert made["@type"] == "sc:Dataset"
    assert made["rai:personalSensitiveInformation"] == ["race"]
    assert any("w = 0.143" in text for text in made["rai:dataBiases"])
    assert any("Native American has 11" in text for text in made["rai:dataLimitations"])
    assert made["rai:dataCollectionMissingData"].startswith("missing values of race: 1 of 6,172 rows")
    assert made["rai:dataPreprocessingProtocol"] == ["Rows that lack race are left out of what concerns it."]
    json.dumps(made, allow_nan=False)


def walk(node: Any) -> list[dict[str, Any]]:
    """Every object within a JSON value."""
    if isinstance(node, dict):
        found = cast("dict[str, Any]", node)
        return [found, *(inner for value in found.values() for inner in walk(value))]
    return (
        [inner for value in cast("list[Any]", node) for inner in walk(value)]
        if isinstance(node, list)
        else []
    )


def test_every_reference_leads_to_an_identifier_without_spaces(made: dict[str, Any]) -> None:
    nodes = walk({key: made[key] for key in ("distribution", "recordSet")})
    known = {node["@id"] for node in nodes if "@type" in node}
    assert {node["@id"] for node in nodes if set(node) == {"@id"}} <= known
    assert not [name for name in known if " " in name]
    records = made["recordSet"][1]
    assert [record["race-and-recid/n"] for record in records["data"]] == [
        1513, 1661, 1281, 822, 320, 189, 219, 124, 23, 8, 6, 5,
    ]  # fmt: skip
    assert {key for record in records["data"] for key in record} == {
        field["@id"] for field in records["field"]
    }


def test_an_existing_document_is_kept_and_added_to(made: dict[str, Any]) -> None:
    assert made["name"] == "COMPAS" and made["license"] == ABOUT["license"]
    assert made["rai:dataUseCases"] == ["None."]
    assert made["rai:dataBiases"][0] == "Arrests are not crimes."
    assert made["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    assert made["distribution"] == ABOUT["distribution"], "the same file is not listed again"
    assert made["@context"]["odrl"] and made["@context"]["cr"]
