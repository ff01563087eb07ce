// Many thumbnails on one PNG.
#pragma once

#include <string>
#include <vector>

#include "thumbnailer.hpp"

inline constexpr std::uint32_t kCell = 128;

/// Writes a PNG with the thumbnails (of at most kCell a side) in rows. Errors: system.
reeve::Result<void> write_contact_sheet(const std::string& path, const std::vector<Thumbnail>& thumbnails);
