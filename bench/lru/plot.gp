# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Hit ratio of each policy less the better of the kernel's and exact LRU's, per trace. Variables: table, out.
set datafile separator "\t"
set style data points
set grid xtics ytics lc rgb "#dddddd"
set ytics noenhanced font ",8" offset 0,0
set xlabel "percentage points against the better of kernel and exact LRU"
set xrange [-20:20]
set key outside top center horizontal
set bmargin 4
best(k, l) = k > l ? k : l
rows = system(sprintf("grep -vc '^[#t]' %s", table)) + 0
set yrange [rows + 0.5:-0.5]
set arrow from 0, graph 0 to 0, graph 1 nohead lc rgb "#000000"
do for [kind in "svg png"] {
	if (kind eq "svg") { set terminal svg size 1000,1200 } else { set terminal pngcairo size 1000,1200 }
	set output out . "." . kind
	plot table every ::1 using ($2 - best($2, $3)):0:ytic(1) pt 6 lc rgb "#888888" title "kernel", \
	     "" every ::1 using ($3 - best($2, $3)):0 pt 4 lc rgb "#888888" title "LRU", \
	     "" every ::1 using ($5 - best($2, $3)):0 pt 2 lc rgb "#d08030" title "SIEVE", \
	     "" every ::1 using ($6 - best($2, $3)):0 pt 1 lc rgb "#3070c0" title "S3-FIFO", \
	     "" every ::1 using ($7 - best($2, $3)):0 pt 7 lc rgb "#b00020" title "ours"
}
