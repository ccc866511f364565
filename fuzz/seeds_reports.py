"""Hostile structured reports: fuzz/corpus/measurement_report, made from chest.dcm beside them with pydicom.

chest.dcm is what `wilhelm read testdata/chest_xray/chest_pa.dcm --no-llm --format sr` wrote. Run from the repository's root.
"""

import copy
import io
import pathlib

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
root = pathlib.Path("fuzz/corpus/measurement_report")
raw = (root / "chest.dcm").read_bytes()
def put(name, change):
    d = pydicom.dcmread(io.BytesIO(raw)); change(d)
    b = io.BytesIO(); d.save_as(b); (root / f"{name}.dcm").write_bytes(b.getvalue()); print(name, len(b.getvalue()))
def walk(item, f):
    for c in item.get("ContentSequence", []):
        f(c); walk(c, f)
def nums(value):
    def ch(d):
        def f(c):
            if c.ValueType == "NUM" and "MeasuredValueSequence" in c:
                m = c.MeasuredValueSequence[0]
                m.NumericValue = value
                if "FloatingPointValue" in m: del m.FloatingPointValue
        walk(d, f)
    return ch
put("numbers_beyond_doubles", nums("1e400"))
put("numbers_that_are_none", nums("nan"))
put("numbers_without_digits", nums(""))
def no_values(d):
    walk(d, lambda c: c.pop("MeasuredValueSequence", None) if c.ValueType == "NUM" else None)
put("numbers_without_values", no_values)
def deep(d):
    item = Dataset(); item.ValueType = "CONTAINER"
    top = item
    for _ in range(24):
        inner = Dataset(); inner.ValueType = "CONTAINER"
        inner.ConceptNameCodeSequence = copy.deepcopy(d.ContentSequence[-1].ConceptNameCodeSequence)
        item.ContentSequence = Sequence([inner]); item = inner
    top.ConceptNameCodeSequence = copy.deepcopy(d.ContentSequence[-1].ConceptNameCodeSequence)
    d.ContentSequence.append(top)
put("nested_beyond_reason", deep)
def library(d):
    # The image library within itself, many times.
    lib = [c for c in d.ContentSequence if c.ConceptNameCodeSequence[0].CodeValue == "111028"]
    for c in lib:
        inner = copy.deepcopy(c)
        for _ in range(3):
            outer = copy.deepcopy(c); outer.ContentSequence = Sequence([inner]); inner = outer
        c.ContentSequence = Sequence([inner])
put("a_library_in_a_library", library)
def box(d):
    def f(c):
        if c.ValueType == "SCOORD": c.GraphicData = [-1e30, 1e30, float("inf"), 0.0]
    walk(d, f)
put("a_box_of_no_place", box)
def bare(d):
    walk(d, lambda c: c.pop("ConceptNameCodeSequence", None))
put("nothing_has_a_name", bare)
def sets(d): d.SpecificCharacterSet = ["ISO 2022 IR 87", "NONSENSE", "GB18030"]
put("character_sets_of_no_text", sets)
def groups(d):
    def f(c):
        if "ConceptNameCodeSequence" in c and c.ConceptNameCodeSequence[0].CodeValue == "126010" and "ContentSequence" in c:
            c.ContentSequence = Sequence([copy.deepcopy(c.ContentSequence[0]) for _ in range(60)])
    for c in list(d.ContentSequence):
        f(c)
put("one_group_many_times", groups)
(root / "cut_in_the_content.dcm").write_bytes(raw[: len(raw) * 2 // 3])
