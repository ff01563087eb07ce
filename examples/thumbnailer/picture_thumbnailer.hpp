// The dangerous half: decodes pictures that strangers made, and can open nothing itself.
#pragma once

#include "thumbnailer.hpp"

class PictureThumbnailer : public Thumbnailer {
 public:
  reeve::Result<Thumbnail> thumbnail(reeve::File image, std::uint32_t edge) override;
};
