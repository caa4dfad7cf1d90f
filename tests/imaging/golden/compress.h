/* Made by make_compress.py; do not edit. */
typedef struct golden_compress {
    int height, width;
    uint32_t seed;
    const char *pixels, *file;
} golden_compress;
static const golden_compress golden_compresses[] = {
    {224, 224, 0, "14ef319313016d202b65c1349a27b22f", "783827d58286806c2d0fd95681e403d7"},
    {224, 224, 1, "15a1f456b2249aba749f8b6f38f5a9ed", "4d64799ca3ba6851a67e5e0c2745e8bc"},
    {223, 225, 0, "4c3790db8e8f05da65f0cf2b4cf9f148", "3d9b66b8971c739282f3a83d2ba5d2a3"},
    {223, 225, 1, "bde9b82742c919533e444b8466887206", "6e8b8dd2c2d383451059d45e99e25a99"},
    {33, 47, 0, "144b8a8eb52bcee42453730f70ab5167", "7ca6e35fb4425d43c3254d641a4a110b"},
    {33, 47, 1, "5e9d5be2d4900729077929708b16a809", "15945f35970674de47373bf434f19477"},
    {64, 64, 0, "18467cfbdbdf342afe5a0a611cb8bce2", "fd8265110a2b3d5f5db36553029ecb80"},
    {64, 64, 1, "0ee963c9f337b7e03f4bca9a8b33f4d6", "103efe9b7ddc19e3888ceeff4d71c7bf"},
    {7, 5, 0, "ebabba1276e7c738c87b1ac6c24bccd2", "f1d6a1efc692122976fbd2deb47ff4c5"},
    {7, 5, 1, "1db9886ca657e33f2af5a9f3b0be21e7", "59c7947e8bcf695ea2ffc9fbf8f4b759"},
    {1, 1, 0, "9fbf588f687c9822ad5bc98422765dd1", "1008840fd260e1950cb6a05921f71a57"},
    {1, 1, 1, "4a13e25c52fb6455c4d51c7a8ac7dbc5", "9a24a1ea34fe4cebf8112b5e27532b7e"},
    {16, 17, 0, "2fc02af86d147a5a33907b2944201b12", "a461dc50efdcb26aee368330fb85c374"},
    {16, 17, 1, "1610dc163d7b76d2521806739bb74e83", "157a559fac1be327ef24e9a76e8883ea"},
    {101, 64, 0, "f5152191d6858661b3868fb7c1642ddd", "2202c5d38b13a4af7b8c808ebb233122"},
    {101, 64, 1, "ba323d9be97a622fc34a5a1f4505766e", "35576d72f221d33d0fd11300af4f52ea"},
};
