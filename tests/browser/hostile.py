"""Texts that would run as script wherever a page took text for markup, an address or a template."""

from __future__ import annotations

RUN = "window.ran=1"

TAGS = (
    "img src=x",
    "svg",
    "body",
    "video src=x",
    "audio src=x",
    "iframe",
    "input autofocus",
    "details open",
    "marquee",
)
HANDLERS = ("onerror", "onload", "onfocus", "ontoggle", "onstart")

HOSTILE = tuple(
    dict.fromkeys(
        [
            *(f"<{tag} {handler}={RUN}>" for tag in TAGS[:6] for handler in HANDLERS),
            f"<script>{RUN}</script>",
            f"</script><script>{RUN}</script>",
            f"'><script>{RUN}</script>",
            f'"><script>{RUN}</script>',
            f"--><script>{RUN}</script>",
            f"]]><script>{RUN}</script>",
            f"</title><script>{RUN}</script>",
            f"</textarea><script>{RUN}</script>",
            f"</option></select><img src=x onerror={RUN}>",
            f"<a href=javascript:{RUN}>x</a>",
            f"javascript:{RUN}",
            f'" autofocus onfocus={RUN} x="',
            f"' onmouseover={RUN} x='",
            "${window.ran=1}",
            "{{constructor.constructor('window.ran=1')()}}",
            "{% raw window.ran %}",
            "<template><img src=x onerror=window.ran=1></template>",
            f"<math><mi xlink:href=javascript:{RUN}>",
            f"<object data=javascript:{RUN}>",
            f"&lt;img src=x onerror={RUN}&gt;",
        ]
    )
)
