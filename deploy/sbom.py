#!/usr/bin/env python3
"""Writes what the program is made of as CycloneDX 1.6 JSON to stdout, and fails when a licence is not one of those below.

Usage: deploy/sbom.py > sbom.json      after a build: it reads the restored packages and their own licence statements, and asks nobody.
"""
import base64
import datetime
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASSETS = ROOT / "artifacts/obj/MtlStream.Host/project.assets.json"
ALLOWED = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT AND Apache-2.0", "MS-PL OR Apache-2.0"}

# Packages that state their licence in a file or by an address; read once, by hand, for exactly this name.
STATED = {
    "librdkafka.redist": "BSD-2-Clause",          # LICENSES.txt: BSD-2-Clause, with zlib, BSD-3-Clause and MIT parts
    "Confluent.Kafka": "Apache-2.0",
    "Microsoft.ML.OnnxRuntime": "MIT",
    "Microsoft.ML.OnnxRuntime.Gpu": "MIT",
    "Microsoft.ML.OnnxRuntime.Gpu.Linux": "MIT",
    "Microsoft.ML.OnnxRuntime.Gpu.Windows": "MIT",
    "Microsoft.ML.OnnxRuntime.Managed": "MIT",
}


def licence(folders, path, name):
    if name in STATED:
        return STATED[name]
    for folder in folders:
        for nuspec in (pathlib.Path(folder) / path).glob("*.nuspec"):
            for element in ET.parse(nuspec).iter():
                if re.sub("{.*}", "", element.tag) == "license" and element.get("type") == "expression":
                    return element.text
    return None


def main():
    if not ASSETS.exists():
        sys.exit(f"sbom.py: found no {ASSETS.relative_to(ROOT)}, expected a restored program: run ./mtlstream --help once.")
    assets = json.loads(ASSETS.read_text())
    folders = list(assets["packageFolders"])
    build_only = {name for framework in assets["project"]["frameworks"].values()
                  for name, wanted in framework.get("dependencies", {}).items() if wanted.get("suppressParent") == "All"}
    components, problems = [], []
    for identity, library in sorted(assets["libraries"].items()):
        name, version = identity.split("/")
        if library["type"] != "package" or name in build_only:
            continue
        found = licence(folders, library["path"], name)
        if found not in ALLOWED:
            problems.append(f"{identity}: found licence {found}, expected one of {', '.join(sorted(ALLOWED))}")
        components.append({
            "type": "library", "bom-ref": f"pkg:nuget/{identity.replace('/', '@')}", "name": name, "version": version,
            "purl": f"pkg:nuget/{identity.replace('/', '@')}",
            "hashes": [{"alg": "SHA-512", "content": base64.b64decode(library["sha512"]).hex()}],
            "licenses": [{"expression": found}] if found else [],
        })
    for package in sorted((ROOT / "models").glob("*/model.json")):
        manifest = json.loads(package.read_text())
        data = sorted({f'{d["name"]} ({d["license"]})' for task in manifest["tasks"] for d in task.get("data", [])})
        components.append({"type": "machine-learning-model", "name": manifest["name"], "version": manifest["version"],
                           "description": "Trained on " + ", ".join(data)})
    version = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False).stdout.strip()
    json.dump({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                     "component": {"type": "application", "name": "mtlstream", "version": version, "licenses": [{"expression": "Apache-2.0"}]}},
        "components": components,
    }, sys.stdout, indent=1)
    print()
    print(f"sbom.py: {len(components)} components", file=sys.stderr)
    if problems:
        sys.exit("sbom.py: " + "; ".join(problems))


if __name__ == "__main__":
    main()
