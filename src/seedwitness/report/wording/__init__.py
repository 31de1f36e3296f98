"""English for the decisions of ``verdict``: a function for each reason code.

The function's parameters are the values that the code carries, so a reason with other values is an
error. Nothing is decided here: a sentence follows from its code and its values alone.
"""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.errors import RecordError
from seedwitness.records.reasons import Reason
from seedwitness.report.wording.exclusion_sentences import EXCLUSIONS
from seedwitness.report.wording.exposed_sentences import EXPOSED
from seedwitness.report.wording.generated_sentences import GENERATED
from seedwitness.report.wording.limit_sentences import LIMITS
from seedwitness.report.wording.memorised_sentences import MEMORISED
from seedwitness.report.wording.phrases import PHRASES
from seedwitness.report.wording.search_sentences import SEARCH

SENTENCES: dict[str, Callable[..., str]] = {
    **MEMORISED,
    **EXCLUSIONS,
    **LIMITS,
    **GENERATED,
    **EXPOSED,
    **SEARCH,
    **PHRASES,
}
"""By code, the function that words it."""


def word_reason(reason: Reason) -> str:
    """A reason in English: a sentence or two, or a phrase where the code stands inside a sentence.

    Raises RecordError for a code or for values that have no wording.
    """
    function = SENTENCES.get(reason.code)
    if function is None:
        known = ", ".join(sorted(SENTENCES))
        raise RecordError(f"There is no wording for the code `{reason.code}`. Known are: {known}.")
    try:
        return function(**reason.values)
    except TypeError as error:
        raise RecordError(
            f"The code `{reason.code}` came with the values {sorted(reason.values)}, which its "
            "wording does not take. Run the stage `judge` again with this version: "
            "`dvc repro -s -f judge`."
        ) from error
