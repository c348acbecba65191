#!/usr/bin/env python3
"""Checks the SAM application as AWS would take it, without an account.

Makes a virtual environment of its own below target/, then for the root template and each stack:
lints it (`sam validate --lint`), applies the SAM transform, counts the resources that come out of it
(CloudFormation allows 500 in a stack; we stop at 450), and compares the parameters that the root passes
with those that the stack declares.
"""

import logging
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / "target" / "checks" / "venv"
REQUIREMENTS = ["aws-sam-cli==1.170.0"]
RESOURCE_LIMIT = 450


def enter_environment():
    """Runs this file again with the interpreter of the virtual environment, made first if need be."""
    python = ENVIRONMENT / "bin" / "python"
    marker = ENVIRONMENT / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not marker.exists() or marker.read_text() != wanted:
        print("installing sam-cli into", ENVIRONMENT.relative_to(ROOT), flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", *REQUIREMENTS], check=True)
        marker.write_text(wanted)
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    os.execv(python, [str(python), __file__, "--inside"])


def lint(path):
    """Whether `sam validate --lint` finds nothing."""
    environment = dict(os.environ, SAM_CLI_TELEMETRY="0")
    command = [ENVIRONMENT / "bin" / "sam", "validate", "--lint", "--template", path]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode != 0:
        print(run.stdout, run.stderr, sep="\n")
    return run.returncode == 0


def transform(path):
    """The stack after the SAM transform, as CloudFormation gets it."""
    from samcli.yamlhelper import yaml_parse
    from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform

    class NoPolicies(ManagedPolicyLoader):
        def __init__(self):
            super().__init__(None)

        def load(self):
            return {}

    template = yaml_parse(path.read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = {"Bucket": "bucket", "Key": "key"}
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://s3.amazonaws.com/bucket/stack.yaml"
    return transform(template, {}, NoPolicies())


def declared_and_passed():
    """For each nested stack: parameters without default that it declares, and those that the root passes."""
    from samcli.yamlhelper import yaml_parse

    root = yaml_parse((ROOT / "template.yaml").read_text())
    for name, resource in root["Resources"].items():
        properties = resource["Properties"]
        stack = yaml_parse((ROOT / properties["Location"]).read_text())
        yield name, set(stack.get("Parameters", {})), set(properties.get("Parameters", {}))


def main():
    logging.disable(logging.WARNING)  # the transform complains about metrics that it never sends
    failures = 0
    paths = [ROOT / "template.yaml", *sorted((ROOT / "infra" / "stacks").glob("*.yaml"))]
    for path in paths:
        clean = lint(path)
        count = len(transform(path)["Resources"])
        fits = count < RESOURCE_LIMIT
        failures += (not clean) + (not fits)
        print(f"{path.relative_to(ROOT)}: {'clean' if clean else 'NOT CLEAN'}, {count} resources", flush=True)
    for name, declared, passed in declared_and_passed():
        if declared != passed:
            failures += 1
            print(f"{name}: declares but is not passed {sorted(declared - passed)}, "
                  f"is passed but does not declare {sorted(passed - declared)}")
    print(f"{len(paths)} templates checked, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main() if "--inside" in sys.argv else enter_environment()
