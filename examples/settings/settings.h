/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* settings.h: the settings of settings.bpf.c. */
#ifndef EXAMPLES_SETTINGS_H
#define EXAMPLES_SETTINGS_H

#include <linux/types.h>

#define SETTINGS_MAX 16

/* Key: the setting's name, filled up with zeros; "min_length" and "max_length" in bytes of the
 * frame. Value: a number. A setting that is absent has no effect. */
struct setting_name {
	char text[16];
};

#endif
