/* Made by make_warp.py; do not edit. */
static const double golden_maps[6][2][3] = {
    {{1, 0, 0}, {0, 1, 0}},     {{1, 0, 0.25}, {0, 1, -3.5}},         {{0.9, 0.2, 1.7}, {-0.15, 1.1, 2.3}},
    {{-1, 0, 30}, {0, -1, 30}}, {{3.7, 0.01, -50}, {0.02, 2.9, -40}}, {{0.01, 0, 5}, {0, 0.01, 7}},
};
static const int golden_sizes[3][2] = {{32, 32}, {17, 40}, {1, 9}};
static const char *const golden_affine[3][6] = {
    {"c7e518ea0f3af04e1b4771145fa3500f", "3587032db1e17542f9f26e18db188ae7", "efba1627c35d0b4ace3aa625dc6626cf",
     "808db38a78b9c3af0c7e2c1c091b0a7e", "682e4327d8f761e62e232dc503d4af4a", "f556fd6de4cdf8a034868725b4410c8d"},
    {"51e6e9ea3ef005320ae6354b2dccdf13", "37cc9efd59ab97c22aefd4f88007d74d", "9e76b93ffc43ab965151d4fd6b9452df",
     "2391dd10f2cd31beb081742de1362f21", "1a11e030dcbdc35d3aef466d3af399a2", "08da92e90398a89ee46783a7c283210a"},
    {"ed78612504f9899732a679b55993c686", "c6e479aa413fbb2e83190659e4cd9932", "d7fa16c64d8b1cf9a1c49fabf85b5965",
     "ee75e83b3a606fd62057f64eee70fe20", "a11fcef8c692e5dd8f641ac32ee78c31", "6d488b77193070c7da01a3ce7f4d507e"},
};
static const char *const golden_displaced[3] = {
    "00851fb763e83ef67d9b54f561751141",
    "1095c5467e9ee76385f33f9b331f1ef7",
    "e1f4c2892ea318e139f98108950b23fb",
};
