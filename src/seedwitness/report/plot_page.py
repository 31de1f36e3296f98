"""The page in which DVC shows its plots, with all scripts inside, so that it opens offline.

DVC's own page loads Vega from another host. ``.dvc/config`` names this page instead; it is written
on each machine, because its scripts are those of the installed ``vl-convert-python``.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from seedwitness.runtime.files import write_whole

SNIPPET = "window.vegaEmbed = vegaEmbed;"
PAGE = Path(".seedwitness/plots.html")
TEMPLATE = """\
<!DOCTYPE html>
<!-- {version} -->
<html lang="en">
<head>
<meta charset="utf-8">
{{refresh_tag}}
<title>seedwitness: plots</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 1.5rem; }}
table {{ border-spacing: 1rem; }}
</style>
<script>
(function () {{
{bundle}
}})();
</script>
</head>
<body>
<h1>Plots of all cases</h1>
{{plot_divs}}
</body>
</html>
"""


def write_plot_page(root: Path = Path()) -> None:
    """Write the page into the project in ``root``, unless it is there for the installed scripts."""
    path, comment = root / PAGE, f"vl-convert-python {version('vl-convert-python')}"
    if path.is_file() and f"<!-- {comment} -->" in path.read_text(encoding="utf-8")[:200]:
        return
    import vl_convert  # takes seconds to give the scripts

    bundle = vl_convert.javascript_bundle(SNIPPET).replace("</script", "<\\/script")
    write_whole(path, TEMPLATE.format(bundle=bundle, version=comment))
