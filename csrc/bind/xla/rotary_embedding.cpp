// rotary_embedding as an XLA custom call. Queries and keys come as (batch, length, heads, d), as a projection leaves
// them, so that XLA has nothing to transpose; results may be the operands' memory.
#include "bind/xla/common.h"

namespace {

using namespace pytransformers_xla;

// A part of a buffer (batch, length, heads, d), seen as (batch, heads, length, d). NULL where it is not there.
class Heads {
 public:
  explicit Heads(Part part) : part_(std::move(part)) {}

  const pytransformers_tensor* at(int64_t i) {
    const pytransformers_tensor* inner = part_.at(i);
    if (inner == nullptr || inner->rank != 4) return inner;
    const int64_t length = inner->sizes[1], heads = inner->sizes[2], d = inner->sizes[3];
    const int64_t sizes[] = {inner->sizes[0], heads, length, d}, strides[] = {length * heads * d, d, heads * d, 1};
    std::copy_n(sizes, 4, sizes_);
    std::copy_n(strides, 4, strides_);
    view_ = {inner->data, sizes_, strides_, 4, inner->dtype};
    return &view_;
  }

 private:
  Part part_;
  int64_t sizes_[4], strides_[4];
  pytransformers_tensor view_ = {};
};

// Operands: query, cos, sin, key?, positions?. Results: query, key?. Under vmap all have the same leading dimensions.
ffi::Error rotary_embedding(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                            bool has_key, bool has_positions, bool interleaved, bool inverse) {
  std::string error;
  int64_t batch = 0, parts = 1;
  const auto take = [&](const auto& buffer) {
    if (buffer.has_value() && static_cast<int64_t>(buffer->dimensions().size()) >= batch) return Part(*buffer, batch);
    error = "[rotary_embedding] expected operands and results as its attributes say, got fewer, check the call";
    return Part();
  };
  const auto argument = [&](bool present, int64_t i) {
    return present ? take(arguments.get<ffi::AnyBuffer>(i)) : Part();
  };
  const auto result = [&](bool present, int64_t i) {
    if (!present) return Part();
    auto found = results.get<ffi::AnyBuffer>(i);
    return take(found.has_value() ? ffi::ErrorOr<ffi::AnyBuffer>(**found) : ffi::Unexpected(found.error()));
  };
  if (const auto query = arguments.get<ffi::AnyBuffer>(0); query.has_value()) {
    batch = std::max<int64_t>(0, static_cast<int64_t>(query->dimensions().size()) - 4);
    for (int64_t i = 0; i < batch; ++i) parts *= query->dimensions()[i];
  }
  Heads query(argument(true, 0)), key(argument(has_key, 3)), query_out(result(true, 0)), key_out(result(has_key, 1));
  Part cos = argument(true, 1), sin = argument(true, 2), positions = argument(has_positions, 3 + has_key);
  if (!error.empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, error);
  const pytransformers_parallel parallel = {parallel_for, &pool};
  for (int64_t i = 0; i < parts; ++i) {
    const pytransformers_status status = pytransformers_rotary_embedding(
        query.at(i), key.at(i), cos.at(i), sin.at(i), positions.at(i), interleaved, inverse, query_out.at(i),
        key_out.at(i), &parallel);
    if (status != PYTRANSFORMERS_OK) return as_error(status);
  }
  return ffi::Error::Success();
}

}  // namespace

HANDLER(rotary_embedding, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets().Attr<bool>("has_key")
                              .Attr<bool>("has_positions").Attr<bool>("interleaved").Attr<bool>("inverse"));
