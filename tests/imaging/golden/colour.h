/* Made by make_colour.py; do not edit. */
static const char golden_hsv[] = "713951aeb53ccaf02d7824965eda4b08";
static const char golden_rgb[] = "93f0a6ca24606d03654e36b8acaab3c2"; /* of saturation * 2.5 + 0.2, clipped */
