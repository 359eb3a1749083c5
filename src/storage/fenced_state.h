#pragma once

#include <functional>
#include <utility>

#include "storage/state.h"

namespace zhiyin::storage {

/// A state whose every transaction first asks `check`, within the transaction, whether it may still
/// write: for work that belongs to one process at a time. Both must outlive it.
class FencedState final : public State {
 public:
  using Check = std::function<Result<void>(Session&)>;
  FencedState(State& inner, Check check) : inner_(inner), check_(std::move(check)) {}

  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    return inner_.write(checked(work));
  }
  Result<void> write_in_turn(const std::function<Result<void>(Session&)>& work) override {
    return inner_.write_in_turn(checked(work));
  }
  Result<void> write_alone(const std::function<Result<void>(Session&)>& work) override {
    return inner_.write_alone(checked(work));
  }
  [[nodiscard]] std::optional<std::uint64_t> waits() const override { return inner_.waits(); }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    return inner_.read(work);
  }
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) override {
    return inner_.query(sql, parameters);
  }
  Result<std::string> identity() override { return inner_.identity(); }
  Result<void> migrate(std::span<const Migration> migrations) override {
    return inner_.migrate(migrations);
  }

 private:
  /// `work` must outlive it.
  [[nodiscard]] std::function<Result<void>(Session&)> checked(
      const std::function<Result<void>(Session&)>& work) const {
    return [this, &work](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(check_(session));
      return work(session);
    };
  }

  State& inner_;
  const Check check_;
};

}  // namespace zhiyin::storage
