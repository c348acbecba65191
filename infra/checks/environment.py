"""A virtual environment below target/ for the tools that a check needs, made by the check itself."""

import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]


def enter(name, requirements):
    """Runs the calling script again inside the environment `name`, made first if it is not there."""
    folder = ROOT / "target" / "checks" / name
    python = folder / "bin" / "python"
    if os.environ.get("TOSS_CHECK_ENVIRONMENT") == name:
        return folder
    marker = folder / "requirements.txt"
    wanted = "\n".join(requirements)
    if not marker.exists() or marker.read_text() != wanted:
        print("installing", ", ".join(requirements), "into", folder.relative_to(ROOT), flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", *requirements], check=True)
        marker.write_text(wanted)
    os.environ.update(
        TOSS_CHECK_ENVIRONMENT=name,
        SAM_CLI_TELEMETRY="0",
        AWS_DEFAULT_REGION="us-east-1",
        PATH=f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    )
    os.execv(python, [str(python), *sys.argv])
