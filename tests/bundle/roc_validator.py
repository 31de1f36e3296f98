"""Runs roc-validator without network: `python roc_validator.py CONTEXT PROFILE LEVEL CRATE…`

It is run by a Python of its own (`make crate-validator`), because roc-validator needs an older rich
than seedwitness does. CONTEXT is RO-Crate's own, as the package rocrate brings it. Prints the
failed checks of each crate as JSON.
"""

import json
import sys
from pathlib import Path

from rocrate_validator import models, services
from rocrate_validator.utils import http

TERMS = "https://w3id.org/ro/terms/workflow-run#"
WORKFLOW_RUN = {
    "@context": {
        name: TERMS + name
        for name in ("ParameterConnection", "connection", "environment", "sha256", "containerImage")
    }
}


OLDER = {
    name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")
}
"""What RO-Crate 1.1 names otherwise than the version that the package rocrate brings."""


class Response:
    """What a server would answer."""

    status_code, ok, headers = 200, True, {"Content-Type": "application/ld+json"}

    def __init__(self, content: object) -> None:
        self.text = json.dumps(content)

    def json(self) -> object:
        return json.loads(self.text)


def main(context: str, profile: str, level: str, *crates: str) -> None:
    newer = json.loads(Path(context).read_bytes())["@context"]
    terms = (newer[0] if isinstance(newer, list) else newer) | OLDER
    contexts = {
        "https://w3id.org/ro/crate/1.1/context": {"@context": terms},
        "https://w3id.org/ro/terms/workflow-run/context": WORKFLOW_RUN,
    }

    def answer(self: object, name: str) -> object:
        return lambda url, *_, **__: Response(contexts.get(url, {"@context": {}}))

    http.HttpRequester.__getattr__ = answer
    found = {}
    for crate in crates:
        result = services.validate(
            services.ValidationSettings(
                rocrate_uri=crate,
                profile_identifier=profile,
                requirement_severity=models.Severity[level],
                metadata_only=not (Path(crate) / "MANIFEST.sha256").exists(),
            )
        )
        found[crate] = sorted(
            {f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()}
        )
    sys.stdout.write("\n" + json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
