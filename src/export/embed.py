#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""embed.py PAGE.html OUT.c: the page as an array of bytes, and the policy under which browsers run it.

The policy names the hashes of the page's one script and one style: whatever else gets into the page is
not run, wherever it came from. It may ask its own server and nobody else.
"""
import base64
import hashlib
import pathlib
import re
import sys

LICENCE = "/* SPDX-License-" + "Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"


def source_hash(page, tag):
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def main():
    page_path, c_path = map(pathlib.Path, sys.argv[1:])
    page = page_path.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {source_hash(page, 'script')}; "
        f"style-src {source_hash(page, 'style')}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    data = page.encode()
    lines = [",".join(map(str, data[i : i + 24])) for i in range(0, len(data), 24)]
    c_path.write_text(
        LICENCE
        + '#include "export/page.h"\n\nconst unsigned char page_html[] = {\n'
        + ",\n".join(lines)
        + f'}};\nconst size_t page_html_len = sizeof(page_html);\nconst char page_csp[] = "{policy}";\n'
    )


main()
