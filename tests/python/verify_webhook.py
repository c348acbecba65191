"""Verifies one webhook, kept as JSON in a file, with the reference library of Standard Webhooks."""

import json
import pathlib
import sys

from standardwebhooks import Webhook, WebhookVerificationError

message = json.loads(pathlib.Path(sys.argv[1]).read_text())
verifier = Webhook(message["secret"])
verifier.verify(message["body"], message["headers"])
try:
    verifier.verify(message["body"] + " ", message["headers"])
except WebhookVerificationError:
    print("genuine")
