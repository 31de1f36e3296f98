"""Asks a server with the client of clip-retrieval: `python ask_with_clip_client.py URL INDEX IMAGE`

It is run by a Python of its own (`make clip-client`). The package itself imports all of its server,
so that the client is loaded from its file alone. Prints the answers as JSON.
"""

import contextlib
import importlib.util
import json
import sys
import sysconfig
from pathlib import Path

path = Path(sysconfig.get_path("purelib")) / "clip_retrieval" / "clip_client.py"
spec = importlib.util.spec_from_file_location("clip_client", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

url, name, image = sys.argv[1:4]
with contextlib.redirect_stdout(sys.stderr):
    by_defaults = module.ClipClient(url=url, indice_name=name)
    captions = module.ClipClient(
        url=url, indice_name=name, modality=module.Modality.TEXT, num_images=3
    )
    answers = {
        "text": by_defaults.query(text="an owl"),
        "image": by_defaults.query(image=image),
        "captions": captions.query(text="an owl"),
        "embedding": captions.query(embedding_input=json.loads(sys.argv[4])),
    }
sys.stdout.write(json.dumps(answers))
