"""Noto Sans SC cut down to what reports can say: crates/report/data/fonts/NotoSansSC-Regular-GB2312.ttf.

Kept are the 6763 characters of GB 2312-80 with its punctuation, the full-width forms, and every character outside ASCII
that the sources of this program write. Run with fontTools 4 from the repository's root:

    npm pack @expo-google-fonts/noto-sans-sc@0.4.3
    python tools/fonts/noto_sans_sc.py expo-google-fonts-noto-sans-sc-0.4.3.tgz
"""

import hashlib
import io
import pathlib
import sys
import tarfile

import fontTools
from fontTools import subset
from fontTools.ttLib import TTFont

MEMBER = "package/400Regular/NotoSansSC_400Regular.ttf"
OUT = pathlib.Path("crates/report/data/fonts/NotoSansSC-Regular-GB2312.ttf")


def gb2312():
    """Rows 1 to 9 (signs) and 16 to 87 (characters) of GB 2312-80."""
    for row in [*range(1, 10), *range(16, 88)]:
        for cell in range(1, 95):
            try:
                yield bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312")
            except UnicodeDecodeError:
                pass


def of_sources():
    for path in sorted(pathlib.Path("crates").rglob("*")):
        if path.suffix in {".rs", ".toml"} and "target" not in path.parts:
            yield from (c for c in path.read_text(encoding="utf-8") if ord(c) > 0x7F)


def main():
    with tarfile.open(sys.argv[1]) as archive:
        whole = archive.extractfile(MEMBER).read()
        license_text = archive.extractfile("package/LICENSE_FONT").read()
    wanted = set(gb2312()) | set(of_sources()) | {chr(c) for c in range(0xFF01, 0xFF5F)} | {chr(c) for c in range(0x20, 0x7F)}
    font = TTFont(io.BytesIO(whole))
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "VORG", "STAT"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(c) for c in wanted])
    cutter.subset(font)
    # The same bytes on every day.
    font.recalcTimestamp = False
    OUT.parent.mkdir(parents=True, exist_ok=True)
    font.save(OUT)
    (OUT.parent / "OFL.txt").write_bytes(license_text)
    kept = len(font.getBestCmap())
    print(f"fontTools {fontTools.version}; source {hashlib.sha256(whole).hexdigest()}")
    print(f"{OUT}: {kept} characters, {OUT.stat().st_size} bytes, {hashlib.sha256(OUT.read_bytes()).hexdigest()}")


main()
