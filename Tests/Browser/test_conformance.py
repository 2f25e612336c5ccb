"""The API does what its OpenAPI document says: schemathesis asks what the document allows, and what it forbids."""

import subprocess
import sys
import urllib.request
from pathlib import Path


def test_document(fixture):
    # Uploads are remembered under keys that cannot be guessed, so the document alone never finds one.
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(Path(__file__).parent / "schemathesis.toml"), "run", f"{fixture.url}/openapi.json", "--checks", "all",
        "--max-examples", "40", "--request-timeout", "20", "--workers", "1", "--seed", "1", "--no-color",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=fixture.lost.parent)
    print(done.stdout[-20_000:])
    assert done.returncode == 0, done.stdout[-20_000:]
    assert urllib.request.urlopen(f"{fixture.url}/health").status == 200
