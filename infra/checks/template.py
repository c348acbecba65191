#!/usr/bin/env python3
"""Checks the SAM application as AWS would take it, without an account.

For the root template and each stack: lints it (`sam validate --lint`), applies the SAM transform, counts the
resources that come out of it (CloudFormation allows 500 in a stack; we stop at 450), and compares the
parameters that the root passes with those that the stack declares.
"""

import logging
import subprocess
import sys

from environment import ROOT, enter

RESOURCE_LIMIT = 450


def lint(path):
    """Whether `sam validate --lint` finds nothing."""
    run = subprocess.run(["sam", "validate", "--lint", "--template", path], capture_output=True, text=True)
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
    """For each nested stack: the parameters that it declares, and those that the root passes."""
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
        failures += (not clean) + (count >= RESOURCE_LIMIT)
        print(f"{path.relative_to(ROOT)}: {'clean' if clean else 'NOT CLEAN'}, {count} resources", flush=True)
    for name, declared, passed in declared_and_passed():
        if declared != passed:
            failures += 1
            print(f"{name}: declares but is not passed {sorted(declared - passed)}, "
                  f"is passed but does not declare {sorted(passed - declared)}")
    print(f"{len(paths)} templates checked, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    enter("sam", ["aws-sam-cli==1.170.0"])
    main()
