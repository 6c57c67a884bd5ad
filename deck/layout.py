"""The slides: deck.typ, which reads figures.json, typeset by Typst with fonts out of a package."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import font_source_sans_pro
import typst

HERE = Path(__file__).parent
FIGURES, PDF = HERE / "figures.json", HERE / "deck.pdf"
FONTS = ("Regular", "Semibold", "Bold", "It")


def sources(figures: Path = FIGURES) -> list[Path]:
    """The files from which the PDF is made."""
    return [*sorted(HERE.rglob("*.typ")), figures]


def fingerprint(figures: Path = FIGURES) -> str:
    """One SHA-256 of the sources' names and contents; the PDF carries it as a keyword."""
    digest = hashlib.sha256()
    for file in sources(figures):
        content = file.read_bytes()
        digest.update(f"{_name(file)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def typeset(out: Path = PDF, figures: Path = FIGURES) -> None:
    """Write the PDF; the same sources give the same bytes. A block that overflows is an error."""
    run = json.loads(figures.read_text(encoding="utf-8"))["run"]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file in sources(figures):
            (root / _name(file)).parent.mkdir(exist_ok=True)
            shutil.copy(file, root / _name(file))
        pdf = typst.compile(
            root / "deck.typ",
            font_paths=[_fonts(root / "fonts")],
            ignore_system_fonts=True,
            sys_inputs={"sources": fingerprint(figures)},
            timestamp=int(datetime.fromisoformat(run["finished_at"]).timestamp()),
            pdf_standards=["a-2a", "ua-1"],
        )
    out.write_bytes(pdf)


def _name(file: Path) -> str:
    """The path of a source in the deck's folder."""
    return file.relative_to(HERE).as_posix() if file.suffix == ".typ" else FIGURES.name


def _fonts(folder: Path) -> Path:
    """The faces that are used, once each: the package has every one as OTF too."""
    folder.mkdir()
    package = Path(font_source_sans_pro.__file__).parent / "files"
    for face in FONTS:
        shutil.copy(package / f"SourceSansPro-{face}.ttf", folder)
    return folder
