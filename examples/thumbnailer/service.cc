#include "picture_thumbnailer.hpp"

int main() { return reeve::serve<Thumbnailer>(kThumbnailerName, PictureThumbnailer{}); }
