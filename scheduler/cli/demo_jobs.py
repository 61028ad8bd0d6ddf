"""The jobs of the demo: small, real work, in a module that both of its processes can import."""

from __future__ import annotations

import ast
import csv
import os
import shutil
import sysconfig
from datetime import datetime
from pathlib import Path


def sample(folder: str) -> None:
    """Append the load and the disk use of this machine to `samples.csv`."""
    disk = shutil.disk_usage(folder)
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    with (Path(folder) / "samples.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([datetime.now().isoformat(timespec="milliseconds"), load, disk.used, disk.total])


def summarize(folder: str) -> str:
    """Sum up `samples.csv` in one line, write it to `summary.txt` and return it."""
    path = Path(folder) / "samples.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
    loads = [float(row[1]) for row in rows if row[1]]
    load = f"load {min(loads):.2f} to {max(loads):.2f}" if loads else "load unknown"
    disk = f"disk {int(rows[-1][2]) / int(rows[-1][3]):.0%} full" if rows else "disk unknown"
    line = f"{len(rows)} samples, {load}, {disk}"
    (Path(folder) / "summary.txt").write_text(line + "\n", encoding="utf-8")
    return line


def take_inventory() -> dict[str, int]:
    """Parse the modules of the standard library and count what is in them: a second or so of work."""
    found = {"modules": 0, "classes": 0, "functions": 0}
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        found["modules"] += 1
        for node in ast.walk(ast.parse(path.read_bytes())):
            found["classes"] += isinstance(node, ast.ClassDef)
            found["functions"] += isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return found
