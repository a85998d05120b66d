"""Derives the tests of every rule of a copy of the library into it, and runs them.

usage: derive_all.py RULEFOLD PATTERNS

Every rule must give all of its tests, a second time nothing new; all must pass, and stand as the formatter writes them.
"""

import json
import pathlib
import re
import subprocess
import sys


def rules(folder):
    for path in sorted(folder.rglob("*.fold")):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        for name in re.findall(r"^rule (\w+)", path.read_text(), re.MULTILINE):
            yield f"{module}.{name}"


def derive(program, rule, folder):
    command = [program, "test", "--derive", rule, str(folder), "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if not ran.stdout:
        sys.exit(f"{rule}: {ran.stderr}")
    return json.loads(ran.stdout)["tests"]


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    names = list(rules(folder))
    written, wrong = 0, []
    for name in names:
        tests = derive(program, name, folder)
        written += sum(test["fate"] == "written" for test in tests)
        wrong += [f"{name}: {test['name']}: {test['why']}" for test in tests if test["fate"] == "not-written"]
    for name in names[:: max(1, len(names) // 10)]:
        again = derive(program, name, folder)
        wrong += [f"{name}: {test['name']}: written twice" for test in again if test["fate"] == "written"]
    if wrong:
        sys.exit("\n".join(wrong))
    subprocess.run([program, "test", str(folder), "-q"], check=True)
    subprocess.run([program, "fmt", "--check", str(folder)], check=True, stdout=subprocess.DEVNULL)
    print(f"{written} tests derived from {len(names)} rules")


main()
