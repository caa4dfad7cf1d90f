# Seconds against images, a line a size, both axes logarithmic: what scales as the arithmetic does is straight at slope 1.
set terminal svg size 720,480 font "sans,13" background "white"
set output picture
set logscale xy
set xlabel "images"
set ylabel "seconds, the whole command"
set key top left
set grid
set xrange [700:70000]
rows(size) = sprintf("< awk '$2 == %s' %s | sort -n", size, table)
plot for [size in "64 128 224"] rows(size) using 1:3 with linespoints lw 2 pt 7 ps 0.8 title size."x".size
