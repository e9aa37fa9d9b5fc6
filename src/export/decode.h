/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* decode.h: a label's text from the bytes of a key. */
#ifndef BPFMAP_EXPORT_DECODE_H
#define BPFMAP_EXPORT_DECODE_H

#include "export/config.h"

/* A decoder by its name. 0, or -EINVAL: there is none, and the sentence says why. */
int decoder_find(const char *name, const struct decoder **ret_decoder);

/* The text of one label, through all its decoders. 1; 0: the element is to be left out (regexp);
 * -EINVAL: the bytes do not fit the decoders. */
int decode_label(const struct config_label *label, const uint8_t *bytes, struct text *ret_text);

#endif
