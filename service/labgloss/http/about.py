"""A page for whoever follows the source of a card: what spoke there, and what it rests on."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response

from labgloss.http.exchange import Endpoint, Exchange
from labgloss.http.problems import problem_of_call
from labgloss_client import AsyncClient, LabglossError

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>labgloss</title></head><body>
<h1>labgloss</h1>
<p>Explains a laboratory panel: serum magnesium, calcium, 25-OH vitamin D and potassium, with the patient's symptoms and
context, against reference intervals and decision limits. It supports a clinician's decision; it never diagnoses, orders
or doses. What cannot be judged is refused with a reason, and is never called normal; no card does not mean that results
are normal.</p>
<p>Release {version} ({digest}).</p>
<h2>Sources</h2>
<ul>
{sources}
</ul>
</body></html>
"""


def telling(client: AsyncClient) -> Endpoint:
    """What answers with the page, of the release that is loaded."""

    async def answer(_: Request, __: Exchange) -> Response:
        try:
            release = await client.release()
            sources = [source async for source in client.sources()]
        except LabglossError as error:
            raise problem_of_call(error) from None
        listed = "\n".join(f"<li>{escape(source.id)}: {escape(source.citation)}</li>" for source in sources)
        page = _PAGE.format(version=escape(release.version), digest=escape(release.digest), sources=listed)
        return Response(page, headers={"content-security-policy": "default-src 'none'"}, media_type="text/html")

    return answer
