/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* key_labels.h: labels from a key: by BTF, a label for each member, or one called key. */
#ifndef BPFMAP_EXPORT_KEY_LABELS_H
#define BPFMAP_EXPORT_KEY_LABELS_H

#include "cli/mapref.h"
#include "cli/text.h"

/* Called for each label in order. */
typedef void key_label_fn(void *arg, const char *name, const struct text *value);

void key_labels(const struct mapref *ref, const uint8_t *key, key_label_fn *label, void *arg);

#endif
