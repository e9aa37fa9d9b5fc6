# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Hit ratios of real maps, per trace, less the better of the kernel's and exact LRU's. Variables: table, out.
set datafile separator "\t"
set title "LRU\\_HASH: hit ratio against the better of the kernel's and exact LRU's"
set grid xtics ytics lt 1 lw 0.5 lc rgb "#dddddd"
set ytics noenhanced font ",9"
set xlabel "percentage points; left of 0: below the better of both"
set xrange [-20:10]
set key outside top center horizontal samplen 1
best(k, l) = k > l ? k : l
# What lies further left is drawn at the edge.
clip(d) = d < -19.8 ? -19.8 : d
stats table using 2 nooutput
rows = STATS_records
columns = STATS_columns
set yrange [rows - 0.5:-0.5]
set arrow from 0, graph 0 to 0, graph 1 nohead lc rgb "#000000"
kernel = system("head -n 1 '" . table . "'") eq "# model" ? "kernel (simulated)" : "kernel"
height = 160 + 17 * rows
do for [kind in "svg png"] {
	if (kind eq "svg") {
		set terminal svg size 1000, height font "sans,11" background "white"
	} else {
		set terminal pngcairo size 1000, height font "sans,10"
	}
	set output out . "." . kind
	if (columns >= 9) {
		plot table using (clip($2 - best($2, $3))):0:ytic(1) with points pt 6 lc rgb "#888888" title kernel, \
		     "" using (clip($3 - best($2, $3))):0 with points pt 4 lc rgb "#3070c0" title "exact LRU", \
		     "" using 5:0 with points pt 7 lc rgb "#b00020" title "ours", \
		     "" using 9:0 with points pt 1 lc rgb "#e08000" title "ours, second seed"
	} else {
		plot table using (clip($2 - best($2, $3))):0:ytic(1) with points pt 6 lc rgb "#888888" title kernel, \
		     "" using (clip($3 - best($2, $3))):0 with points pt 4 lc rgb "#3070c0" title "exact LRU", \
		     "" using 5:0 with points pt 7 lc rgb "#b00020" title "ours"
	}
}
