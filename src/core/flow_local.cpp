// Chains of values.
#include <sennit/core/flow_local.hpp>

#include <sennit/core/current.hpp>
#include <sennit/core/flow_extras.hpp>

#include <atomic>

namespace sennit::detail {

// A link; a value is held by every chain that has it. Immutable, so that chains may share their ends.
struct local_value {
    std::atomic<std::uint32_t> references{1};
    const std::uint64_t key;
    const std::shared_ptr<const void> value;
    local_value* const next; // holds a reference
};

namespace {

std::atomic<std::uint64_t> next_key{
    1}; // never reused, so the values of a variable that is gone are nobody's

local_value*& chain_of(flow_extras& e, inherit from) noexcept {
    return from == inherit::yes ? e.locals_to_children : e.locals_alone;
}

const local_value* find(const local_value* chain, std::uint64_t key) noexcept {
    while (chain != nullptr && chain->key != key)
        chain = chain->next;
    return chain;
}

// The chain without the key, as a new reference; links before it are copied, those behind it shared.
local_value* without(local_value* chain, const local_value* gone) {
    if (chain == gone) return share_locals(chain->next);
    return new local_value{1, chain->key, chain->value, without(chain->next, gone)};
}

} // namespace

std::uint64_t new_local_key() noexcept { return next_key.fetch_add(1, std::memory_order_relaxed); }

local_value* share_locals(local_value* chain) noexcept {
    if (chain != nullptr) chain->references.fetch_add(1, std::memory_order_relaxed);
    return chain;
}

void release_locals(local_value* chain) noexcept {
    // acq_rel: whoever is last sees what all others did
    while (chain != nullptr && chain->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        local_value* next = chain->next;
        delete chain;
        chain = next;
    }
}

const std::shared_ptr<const void>* find_local(inherit from, std::uint64_t key) noexcept {
    const flow* f = this_thread().current;
    flow_extras* e = f != nullptr ? f->extras.load(std::memory_order_relaxed) : nullptr;
    const local_value* found = e != nullptr ? find(chain_of(*e, from), key) : nullptr;
    return found != nullptr ? &found->value : nullptr;
}

void set_local(inherit from, std::uint64_t key, std::shared_ptr<const void> value) {
    local_value*& chain = chain_of(extras_of(current_flow(this_thread())), from);
    const local_value* before = find(chain, key);
    if (before == nullptr && value == nullptr) return;
    local_value* changed = before != nullptr ? without(chain, before) : share_locals(chain);
    if (value != nullptr) changed = new local_value{1, key, std::move(value), changed};
    release_locals(std::exchange(chain, changed)); // last: a destructor may use locals, and wait
}

} // namespace sennit::detail
