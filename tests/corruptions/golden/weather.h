/* Made by make_weather.py; do not edit. */
typedef struct golden_weather { const char *name; reshift_constants constants; int height, width; unsigned seed; const char *md5[5]; } golden_weather;
static const golden_weather golden_patterns[] = {
    {"frost", RESHIFT_CONSTANTS_CIFAR, 32, 32, 1, {"3b4c7cb6907257324d451bc5557ffc50", "ee331889ff4d1b8f13484392c91dcd56", "0718fdd71b1c5db07b956619b215953a", "2c392ca116f38bab568b864c60be7d8f", "c3fdcf541a518ab52547840126a25bf4"}},
    {"frost", RESHIFT_CONSTANTS_CIFAR, 33, 20, 0, {"dee270c0a8ed18e33f59ddfec611a782", "40e6c1691d7eaff8e8cc38889436fe70", "4fb2f131d1a030d1776f82d1bae9596f", "e1b98c7303fe7dcd739cbb55f23dda09", "19fc8e4d96f9da5c4f868c66d81e3857"}},
    {"frost", RESHIFT_CONSTANTS_CIFAR, 17, 13, 2, {"15eb2003dfb2282d77ca1ed8494e31e7", "39c3223706f7e7f9a471f78c85082b43", "43e1b6e9d5e2a34f16c4339250dc946e", "7d639538e0b9e0db4de3e00ffbd6b5bd", "992ea869cf3d4db2d02497437f1c2c37"}},
    {"frost", RESHIFT_CONSTANTS_IMAGENET, 70, 50, 3, {"6829eedfc231a4a1d438cd5189fd717c", "3fb6e45a2b2f703e96ae3dc91d474eca", "1add7d58d73f1e29e23ff1ca335b133a", "d63526b7cb0d09b8957528ffd8ab5835", "03b87adaa9ebc320014d0548b3568124"}},
    {"frost", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 4, {"65281339972c03a81a721cdd65533eda", "73b16d79afa8e24879577bfb152692f3", "a8ba501f3dcee2267acd32ce50ed60dc", "edf34df365f2f48e90876f03549535e2", "1b77eca1471ac79d3c22c6b736a22c52"}},
    {"frost", RESHIFT_CONSTANTS_IMAGENET, 47, 33, 5, {"70c75a296d460df5b9e49425eb281927", "2dae59ac08d3a744a5e853fe81530892", "ac5b7879726ac5413f89930c65a79b8e", "130ab3845dbf79bd67c75210cb436175", "3c0ed19e81123837ae39a62429570d23"}},
    {"frost", RESHIFT_CONSTANTS_CIFAR, 64, 64, 6, {"e0d3e8051f4908dc1fa769c8ddb8b607", "f0bc053817e50f3a277704e212ebc068", "784a2d6cee1c13840531fe22cffbd8e8", "2d311eecef0cff6f47f7b407b4cb37a0", "404916142ef1539017665dc8c7cb5ab9"}},
    {"fog", RESHIFT_CONSTANTS_CIFAR, 32, 32, 1, {"8d40b90e3343db4ff22e8dfb7214a59c", "eb23647181fa44c6810f508a934f1c66", "77e30bda44157e8ad9c4df0db3646ffa", "0b5141070f0fc813effef13d1674d375", "371877515abfebae6a99e6500512edfc"}},
    {"fog", RESHIFT_CONSTANTS_CIFAR, 33, 20, 0, {"f56c570eb4e5fbfdfb761e18d1fc5b52", "43c91c75287f93a97ef957f7ff1abe16", "08b81a7271373837bcd43dfd1024dbcf", "d066b930ad107bd3501dc82b65f33b50", "b1823bb78d2804e521d5924d7737d86e"}},
    {"fog", RESHIFT_CONSTANTS_CIFAR, 17, 13, 2, {"19de477e15f73c4fc55df742fa68446a", "1986f7cc1c44960b4ab6156d9f703a14", "fdfc0317ad7ec36ae442e46c2d481e15", "3d591544f0b562e0106c6d29382def59", "7433ea9606ebf2a5ed34f28a33104162"}},
    {"fog", RESHIFT_CONSTANTS_IMAGENET, 70, 50, 3, {"0d90957a7f875486fdfa93432878948d", "2f87394740a9c96c4f40e31bd89330b9", "3a96e88e3172f7d041084ecd85f307e2", "0686dece5e8de7b0dcf81de4ee990c9a", "ab09a964488e44781d76c12ea27f3eea"}},
    {"fog", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 4, {"59e573c3c021d08b8572133bc240cbea", "3b468b1cb1740d6b5d4d460f8dfe287b", "82ff0f2418b4f222ea1da80c30780a41", "ef543041564a21695c0a694fce9e8b07", "579bab9ccf59e8ae59a89bdf9babb056"}},
    {"fog", RESHIFT_CONSTANTS_IMAGENET, 47, 33, 5, {"a93ef3e7389079bec8a6166c45c7d728", "e31e23a0d843ecc287ce7df8c419037b", "29d5de294e897ecb9b1ee255bac390ec", "7988714e7b51152d65aafb45207c25be", "1a0a4d366f2d12255b0db17d1d7d104a"}},
    {"fog", RESHIFT_CONSTANTS_CIFAR, 64, 64, 6, {"e23e273adfbf5371f3d9d0bbbd72382d", "95e5467e52ef5a974e8072bf83832ac6", "6926b933fd79b15661653eb49de5a6e2", "42152a8be405e3c170620d609a7139e1", "e2d91749a55dde1f3b09c3a146d159a4"}},
    {"fog", RESHIFT_CONSTANTS_IMAGENET, 375, 500, 7, {"028725791bc3fcba8fa409e9292281a9", "7cc3dc667c83fe2963ca64c7964ca442", "48a93745f243e17ea9d7425918be9c14", "1576bb4c4cfd80c4537bd69e3e30dd81", "0db56e34bd4eba34a1cf2cdd86ab7d23"}},
    {"spatter", RESHIFT_CONSTANTS_CIFAR, 32, 32, 1, {"a2726cc9ef1a07f53ee12f9debfea283", "f981a9e450087e1a9f2f4dd360661ff1", "9ded5179b4da118a58ca74b6467e643a", "fe4b92ded76ba754124eeb4ba2150d07", "2b6c1b3006d70bcef9fd67cf6320d462"}},
    {"spatter", RESHIFT_CONSTANTS_CIFAR, 33, 20, 0, {"e92bde67e3ba98a58ae1883f2f8e17e2", "97de40bd2ddc1e2bceeae947d38e63df", "43db8ae3e346dfffb6873807be140a37", "1a67bf279c18df0fa411bc5a2fd623f7", "2420aaaecc6bc87a2f0b26073617f58f"}},
    {"spatter", RESHIFT_CONSTANTS_CIFAR, 17, 13, 2, {"4687d53ebb49aede84684b5c04c6448e", "369116592631a4e14cfc01f4c09f6cf7", "21141899aa808984a5d435b8027e273b", "10de9f9b07401f1c339825de0c105506", "42b3503a3b5ea74b9a53a1ec9b3f6317"}},
    {"spatter", RESHIFT_CONSTANTS_IMAGENET, 70, 50, 3, {"dad46686f4042c4fef45d4143a04e7f0", "43177e4a5f686432486476ef8ec55d6b", "aacb3cda88c19b4b8a9e3a998bbfd9ab", "6c9dfd25f77969ad5e79a642d2ac1184", "cd1d376bfdf22188b967e110488bd7da"}},
    {"spatter", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 4, {"c50889aa75e27a18e5607f1bad6c1c6e", "5e291e8d96f6898193d9266fc9b493d2", "25b4dcc433f2b141f0d1747a3789ff9f", "7ed979c75098241dca11062029bf0689", "fc6699841d0e1de48d5f362940e68493"}},
    {"spatter", RESHIFT_CONSTANTS_IMAGENET, 47, 33, 5, {"c62f9d080db1908eede276590d1f2aec", "1ccebf26a2696164754a32ab38d5ba60", "c15d0f576042dff0523add9cab35829f", "36633dbe32c4e00c1c705f3a0f029141", "8266b0cef345d5f02862e14d70554baf"}},
    {"spatter", RESHIFT_CONSTANTS_CIFAR, 64, 64, 6, {"e4d4ed898dc1c93160d1c43bdee8f51c", "1b42d66286df7ba92bffe74e238a3de7", "d5c57ea94e854a18e6eeee67f212b61e", "368f4249721c97c82a6d95093ac0f278", "734a5442e423831c62d4f1345c1bc6d8"}},
    {"spatter", RESHIFT_CONSTANTS_IMAGENET, 375, 500, 7, {"10b67c8e4a5d2855ddd36ea5f93ccedc", "15a70cdfc44a1555c30841f497d0e2cb", "a1bea56d845c82e46b469d57c22faf32", "3f92530bf9ac148108f04835f88a11b2", "62a8748088c7ec4d68ad7209f119a63f"}},
};
/* snow.bin holds, case by case and severity by severity, every step-th byte. */
static const struct { reshift_constants constants; int height, width; unsigned seed; int step; } golden_snow[] = {
    {RESHIFT_CONSTANTS_CIFAR, 32, 32, 1, 1},
    {RESHIFT_CONSTANTS_CIFAR, 33, 20, 0, 1},
    {RESHIFT_CONSTANTS_IMAGENET, 70, 50, 3, 1},
    {RESHIFT_CONSTANTS_IMAGENET, 224, 224, 4, 61},
    {RESHIFT_CONSTANTS_CIFAR, 64, 64, 5, 7},
    {RESHIFT_CONSTANTS_IMAGENET, 375, 500, 6, 499},
};
/* The first 100 test images, and the upper left 224x224 of three photographs. */
static const golden_weather golden_real[] = {
    {"frost", RESHIFT_CONSTANTS_CIFAR, 32, 32, 100, {"981efcabd95678af23cbdcbfd9afa637", "ec8048fab966f924ce65ccb20cfd853f", "5aa9a10a09ca5ca9ec42cee5cf5ab5fe", "9f1ace394fd6eddda48eb7bb29c8b844", "73791f84f4f0fc1de2808630aa64e894"}},
    {"frost", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 3, {"8da0f6f761e410c129fda20b4a827433", "dff9cc7d966ca8de1aeafd3111babade", "2b53842b495cb29b2f4acfc1b30fba88", "86e05f7b187973e225d1bf452aa024be", "9b2be5723d611e74790f80fc01fb43db"}},
    {"fog", RESHIFT_CONSTANTS_CIFAR, 32, 32, 100, {"b8d10d1daf2bc3977751dd62944855d1", "3c8337df06c621de2e370a2d6f252ed6", "2274fe7edbff0f1852cba8cbc6172e31", "bba14dd0d79fa7c9721d418187a39e29", "9e351649291e1d8f2e95c900936d0f98"}},
    {"fog", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 3, {"021fb79c8c34f079798c4f7e5a538fdd", "bc6b4b46799ef734160290f80512cb4e", "1c5015eeb46cfa90f29b7bcf032c46a2", "f749c05a5c0f786e5effe7353f7be45e", "b48a470df69bbdc3886ec3ba7505f0af"}},
    {"spatter", RESHIFT_CONSTANTS_CIFAR, 32, 32, 100, {"01851462076c4acee3d1544744b71e49", "023cd95480a565c02331486f22f3512c", "7122b099fcd099047dd561d806711bbc", "4100f55254dbc5f459d49777846e4c4f", "75866e7e0f741d42ea9a685d77d41c19"}},
    {"spatter", RESHIFT_CONSTANTS_IMAGENET, 224, 224, 3, {"d138fbdc1aa38d471953b2619d172647", "5626cc07bc82d926b43961d50323af45", "140d0d10825cf3ec6d166f1f4318c115", "91b1edb4ea26befd38314ac279caf23f", "60aa4575e7e890a514e278bf7acc6aaf"}},
};
/* Overlays at a fifth of their size, RGB. */
static const struct { int height, width; const char *md5; } golden_overlays[] = {
    {120, 180, "33858e011f44a1436a740badceb84f23"},
    {63, 112, "873bfd5cd0cb568956e97532ea75c3ad"},
    {63, 112, "873bfd5cd0cb568956e97532ea75c3ad"},
    {70, 105, "a02809ab3eb8352d1c7b9a848da7c7ab"},
    {99, 132, "443fd446bdb6fcc5c105120d32a8e276"},
};
/*
 * Over the first 2000 test images with the generator's own draws: the mean over images of an image's mean absolute
 * change and mean squared change, and the standard error of each mean under new draws (from two sets of draws).
 */
static const struct { const char *name; double absolute[5], absolute_error[5], square[5], square_error[5]; } golden_spread[] = {
    {"snow", {10.667, 23.583, 25.183, 36.813, 51.073}, {0.018659, 0.031328, 0.061038, 0.093292, 0.1572}, {181.42, 715.47, 928.38, 1757.7, 3146.5}, {1.1213, 2.4333, 6.1666, 10.955, 23.823}},
    {"frost", {30.307, 44.906, 49.397, 44.283, 43.313}, {0.16107, 0.23413, 0.30797, 0.31605, 0.3286}, {1042.3, 2305.9, 2955.4, 2463.6, 2489.1}, {9.8496, 21.403, 30.966, 28.712, 30.38}},
    {"fog", {10.83, 21.252, 27.483, 32.289, 39.036}, {0.040041, 0.079986, 0.10572, 0.11841, 0.13572}, {176.17, 677.25, 1138.7, 1575.1, 2299.7}, {1.2464, 4.793, 8.3583, 10.79, 14.796}},
    {"spatter", {1.0281, 2.7509, 6.6873, 3.0704, 5.0956}, {0.0074947, 0.013254, 0.027023, 0.026167, 0.03155}, {61.858, 165.01, 353.47, 342.82, 561.11}, {0.52955, 0.92591, 1.6647, 3.5672, 4.3425}},
};
