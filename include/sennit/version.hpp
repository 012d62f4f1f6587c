// The version of Sennit, in the one place where it is written: the build reads it from here.
#pragma once

#include <string_view>

namespace sennit {

/// The version of the headers a program was compiled with, as "major.minor.patch" (semantic
/// versioning).
///
/// ```cpp
/// std::printf("built with Sennit %s\n", version.data());
/// ```
inline constexpr std::string_view version = "0.1.0";

} // namespace sennit
