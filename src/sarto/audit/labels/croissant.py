"""A label as Croissant: metadata in JSON-LD that search engines and loaders of data read, with its RAI fields.

Returns one JSON document that conforms to Croissant 1.0 and Croissant RAI 1.0. What the label knows fills

    rai:dataBiases                    how the target depends on protected attributes, and between whom it differs
    rai:dataLimitations               values with few rows or none
    rai:personalSensitiveInformation  the protected attributes
    rai:dataCollectionMissingData     rows that lack a value
    rai:dataPreprocessingProtocol     conditions, bins, and what became of such rows

and the joint table of each attribute is a record set whose data stand in the document. What nobody can count (license,
who collected the data and why, intended use, social impact) comes from `about`, which may be a Croissant document that
is there already: what it says is kept, and what is counted is added to its lists.

Source: Croissant format specification 1.0 (http://mlcommons.org/croissant/1.0) and Croissant RAI specification 1.0
(http://mlcommons.org/croissant/RAI/1.0).

>>> from sarto.audit.labels.label import label
>>> made = croissant(label({"sex": ["f"] * 60 + ["m"] * 40, "y": [0, 1] * 50}, ["sex"], "y"))
>>> made["rai:personalSensitiveInformation"], made["recordSet"][-1]["data"][0]
(['sex'], {'sex-and-y/sex': 'f', 'sex-and-y/y': '0', 'sex-and-y/n': 30, 'sex-and-y/share': 0.3})
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from sarto.audit.labels.findings import findings
from sarto.audit.labels.label import Label, Part
from sarto.core.finding import Finding

CONFORMS = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification gives (its appendix 1), with the prefix of the RAI vocabulary."""
_FORMATS = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".parquet": "application/x-parquet"}
_BIASES = re.compile(r"dependence of |.* = .* by ")
_LIMITS = re.compile(r"few rows of |nobody of |chi-square of |small cells of ")


@dataclass(frozen=True)
class File:
    """The file of the data: its name, SHA-256 and bytes."""

    name: str
    sha256: str
    size_b: int


def croissant(
    label: Label, file: File | None = None, about: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the document.

    Args:
        label: of the data.
        file: that holds them; without one the rows are not described.
        about: further fields, such as `license` or `rai:dataUseCases`, or a Croissant document.
    """
    about = about or {}
    found = findings(label)
    context = about.get("@context")
    context = cast("dict[str, Any]", context) if isinstance(context, dict) else {}
    columns = ", ".join(column.name for column in label.columns[:-1])
    made: dict[str, Any] = {
        "@context": CONTEXT | context,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS),
        "name": file.name.rsplit(".", 1)[0] if file else label.name,
        "description": f"{label.rows:,} rows, labelled by {columns} and {label.columns[-1].name}.",
    }
    counted: dict[str, Any] = {
        "rai:dataBiases": _sentences(found, _BIASES),
        "rai:dataLimitations": _sentences(found, _LIMITS),
        "rai:personalSensitiveInformation": [column.name for column in label.columns[:-1]],
        "rai:dataPreprocessingProtocol": _protocol(label),
        "distribution": [_distribution(file)] if file else [],
        "recordSet": [*([_rows(label, file)] if file else []), *map(_joint, label.parts)],
    }
    missing = " ".join(f"{f.what}: {f.text}." for f in found if f.what.startswith("missing values"))
    if missing:
        made["rai:dataCollectionMissingData"] = missing
    made |= {key: value for key, value in about.items() if key not in ("@context", "conformsTo")}
    for key, value in counted.items():
        before = _listed(about.get(key))
        ids = {cast("dict[str, Any]", entry).get("@id") for entry in before if isinstance(entry, dict)}
        made[key] = [
            *before,
            *(e for e in value if e not in before and not (isinstance(e, dict) and e["@id"] in ids)),
        ]
    conforms = _listed(about.get("conformsTo"))
    made["conformsTo"] = [
        *conforms,
        *(uri for uri in CONFORMS if uri not in conforms and not _newer(uri, conforms)),
    ]
    return {key: value for key, value in made.items() if value != []}


def _newer(uri: str, known: list[Any]) -> bool:
    """Return whether a version of the same specification is named already."""
    return any(str(other).rsplit("/", 1)[0] == uri.rsplit("/", 1)[0] for other in known)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else cast("list[Any]", value) if isinstance(value, list) else [value]


def _sentences(found: list[Finding], about: re.Pattern[str]) -> list[str]:
    return [f"{finding.what}: {finding.text}." for finding in found if about.match(finding.what)]


def _protocol(label: Label) -> list[str]:
    """Return how rows and values were chosen before they were counted."""
    said = [f"Only rows with {condition} are counted." for condition in label.where]
    said += [f"Numbers are counted by bins: {column.words}." for column in label.columns if column.words]
    if label.missing:
        names = ", ".join(missing.column for missing in label.missing)
        done = "count with a value of their own" if label.kept else "are left out of what concerns it"
        said.append(f"Rows that lack {names} {done}.")
    return said


def _distribution(file: File) -> dict[str, Any]:
    ending = "." + file.name.rsplit(".", 1)[-1].lower()
    return {
        "@type": "cr:FileObject",
        "@id": _id(file.name),
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": f"{file.size_b} B",
        "encodingFormat": _FORMATS.get(ending, "text/csv"),
        "sha256": file.sha256,
    }


def _rows(label: Label, file: File) -> dict[str, Any]:
    """Return the record set of the rows: the columns of the label, as they stand in the file."""

    def field(name: str) -> dict[str, Any]:
        source = {"fileObject": {"@id": _id(file.name)}, "extract": {"column": name}}
        return _field("rows", name, "sc:Text") | {"source": source}

    return _record_set("rows", "One record for each row of the file.", [field(c.name) for c in label.columns])


def _joint(part: Part) -> dict[str, Any]:
    """Return the record set of a joint table, with its records."""
    joint = part.joint
    key = f"{joint.name} and {joint.target}"
    columns = (*joint.protected, joint.target, "n", "share")
    kinds = [*["sc:Text"] * (len(joint.protected) + 1), "sc:Integer", "sc:Float"]
    ids = [_id(key, name) for name in columns]
    records = [
        dict(
            zip(
                ids,
                (*values, target, int(joint.counts[i, j]), round(float(joint.shares[i, j]), 6)),
                strict=True,
            )
        )
        for i, values in enumerate(joint.values)
        for j, target in enumerate(joint.targets)
    ]
    fields = [_field(key, name, kind) for name, kind in zip(columns, kinds, strict=True)]
    said = f"How many of {joint.n:,} rows have each value of {key}, and their share."
    return _record_set(key, said, fields) | {"data": records}


def _record_set(key: str, description: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": _id(key),
        "name": _id(key),
        "description": description,
        "field": fields,
    }


def _field(key: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": _id(key, name),
        "name": _id(key, name),
        "description": name,
        "dataType": kind,
    }


def _id(*names: str) -> str:
    """Return an identifier of names, in which loaders allow no space: other signs than `.` and `-` become escapes.

    >>> _id("race and y", "age [years]")
    'race-and-y/age-%5Byears%5D'
    """
    return "/".join(quote(name.replace(" ", "-"), safe=".-") for name in names)
