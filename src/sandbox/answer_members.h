#pragma once

#include <string_view>

#include "base/json.h"

namespace zhiyin::sandbox {

/// The JSON schema of an answer, from its members as the table of endpoints names them, parted by
/// spaces. `[]` behind a name makes a list of it, braces hold the members of an object, and a colon
/// with a letter says what stands there where it is no text: `n` a whole number, `d` a number, `b`
/// true or false, `o` an object whose members have names of their own.
///
///     "total:n data{openid[]} tags[]{id:n name}"
///
/// Any member may be absent. What cannot be read so is a mistake of the table and becomes a schema
/// that nothing satisfies (`not`), so that tests find it. Pure.
Json answer_schema(std::string_view members);

}  // namespace zhiyin::sandbox
