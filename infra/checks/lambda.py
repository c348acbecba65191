#!/usr/bin/env python3
"""Builds the Lambda binaries for arm64, as `toss deploy` does, with no Docker: zig is the linker.

Tells each binary's size; the zipped size is what Lambda loads at a cold start.
"""

import io
import pathlib
import subprocess
import sys
import zipfile

from environment import ROOT, enter

PACKAGES = ["toss-functions-api", "toss-functions-activities", "toss-functions-egress", "toss-functions-workers"]
BINARIES = ["api", "activities", "egress", "workers"]
AARCH64 = 183  # e_machine in the ELF header


def main():
    profile = sys.argv[1] if len(sys.argv) > 1 else "lambda"
    subprocess.run(["rustup", "target", "add", "aarch64-unknown-linux-gnu"], cwd=ROOT, check=True)
    packages = [word for package in PACKAGES for word in ("--package", package)]
    command = ["cargo-lambda", "lambda", "build", "--arm64", "--profile", profile, "--lambda-dir", "target/lambda"]
    subprocess.run([*command, *packages], cwd=ROOT, check=True)
    for name in BINARIES:
        content = pathlib.Path(ROOT, "target", "lambda", name, "bootstrap").read_bytes()
        machine = int.from_bytes(content[18:20], "little")
        if content[:4] != b"\x7fELF" or machine != AARCH64:
            sys.exit(f"{name} is not an arm64 binary")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("bootstrap", content)
        print(f"{name}: arm64, {len(content) / 1e6:.1f} MB, {archive.tell() / 1e6:.1f} MB zipped")


if __name__ == "__main__":
    enter("lambda", ["cargo-lambda==1.9.2", "ziglang==0.13.0"])
    main()
