/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* page.h: page.html, compiled in (embed.py writes the definitions). */
#ifndef BPFMAP_EXPORT_PAGE_H
#define BPFMAP_EXPORT_PAGE_H

#include <stddef.h>

extern const unsigned char page_html[];
extern const size_t page_html_len;
/* The Content-Security-Policy: what the page may do. */
extern const char page_csp[];

#endif
