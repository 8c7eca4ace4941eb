"""Unpack xla/ffi/api/*.h of the oldest supported jaxlib into a folder: `fetch_header.py FOLDER`.

XLA's FFI is compatible upwards only: a handler runs on the jaxlib whose header it was built against and on newer ones.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

JAXLIB = "jaxlib==0.4.35"

folder = Path(sys.argv[1])
with tempfile.TemporaryDirectory() as downloads:
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
                    "--python-version=3.11", "--dest", downloads, JAXLIB], check=True)
    (wheel,) = Path(downloads).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            _, found, name = member.partition("jaxlib/include/")
            if found and name.startswith("xla/ffi/api/"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
