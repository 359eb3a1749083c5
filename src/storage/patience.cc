#include "storage/patience.h"

namespace zhiyin::storage {
namespace {

thread_local int patient = 0;

}  // namespace

Patience::Patience() { ++patient; }
Patience::~Patience() { --patient; }
bool Patience::is_patient() { return patient != 0; }

}  // namespace zhiyin::storage
