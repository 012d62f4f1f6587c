// One flow of a random program: which ends of channels it has, and how it chooses its next step.
//
// So that every program ends once the stations are closed and the token is stopped, a party either sends on the channels
// with two ends, or it receives from one of them; and it waits for the other side to go away only for a bounded time.
#pragma once

#include "world.hpp"

#include <map>

namespace sennit::test {

struct broadcast_value {
    unsigned sender;
    unsigned sequence;
};

// What the parties that send have each, and who may have the ends that receive.
struct sources {
    std::optional<mpsc_sender<token>> many;
    std::optional<broadcast_sender<broadcast_value>> all;
    std::optional<watch_sender<std::uint64_t>> latest;
};
struct sinks {
    std::optional<mpsc_receiver<token>> many;
    std::optional<broadcast_receiver<broadcast_value>> all;
    std::optional<watch_receiver<std::uint64_t>> latest;
};

class party {
public:
    party(world& w, unsigned index, unsigned seed) : world_(w), index_(index), random_(seed) {
        left_ = 4 + below(random_, 24);
        w.playing.add();
    }
    party(const party&) = delete;
    party& operator=(const party&) = delete;
    ~party() {
        if (in.many) world_.mpsc_receiver_left = true;
        world_.playing.done();
    }

    sources out;
    sinks in;
    std::optional<oneshot_sender<token>> ask;
    std::optional<oneshot_receiver<token>> answer;

    // The next step; a null one has been done already. Nothing when it is over.
    std::optional<operation_ptr> next() {
        if (left_ == 0) return last();
        --left_;
        operation_ptr step = choose();
        if (step == nullptr) return step;
        switch (below(random_, 4)) {
            case 0:
                return std::make_unique<given_up>(std::move(step), 1 + below(random_, 4));
            case 1:
                return std::make_unique<timed>(std::move(step), some_time());
            default:
                return step;
        }
    }

private:
    using told = ledger::told;
    using perishes = ledger::perishes;

    unsigned roll(unsigned n) { return below(random_, n); }
    std::chrono::nanoseconds some_time() { return test::some_time(random_); }
    station& some_station() {
        return *world_.stations[roll(static_cast<unsigned>(world_.stations.size()))];
    }

    operation_ptr choose() {
        switch (roll(16)) {
            case 0:
            case 1:
                return some_station().send(world_.book);
            case 2:
            case 3:
                return some_station().receive(world_.book);
            case 4:
                some_station().try_send(world_.book);
                return nullptr;
            case 5:
                some_station().try_receive(world_.book);
                return nullptr;
            case 6:
            case 7:
            case 8:
                return std::make_unique<until_closed>(choose_select());
            case 9:
                return lock();
            case 10:
                return acquire();
            case 11:
                return make_operation(async_sleep_for(some_time()), [] {});
            case 12:
                return one_value();
            default:
                return with_two_ends();
        }
    }

    operation_ptr choose_select() {
        select_list cases;
        for (unsigned count = 1 + roll(4); count != 0; --count) {
            if (roll(2) == 0) {
                some_station().add_send(cases, world_.book);
            } else {
                some_station().add_receive(cases, world_.book);
            }
        }
        switch (roll(6)) {
            case 0:
                cases.add(on_timeout(some_time()));
                break;
            case 1:
                cases.add(on_stop(world_.over.get_token()));
                break;
            case 2:
                cases.add(otherwise());
                break;
            case 3:
                if (in.many)
                    cases.add(on_recv(*in.many, [](std::optional<token> v) {
                        if (v) std::move(*v).arrive();
                    }));
                break;
            default:
                break;
        }
        auto selecting =
            roll(2) == 0 ? async_select(std::move(cases)) : async_select(biased, std::move(cases));
        return make_operation(std::move(selecting), [](std::size_t) {});
    }

    operation_ptr lock() {
        return std::make_unique<stay<lock_future, room>>(world_.lock.async_lock(), world_.locked, 1,
                                                         roll(3));
    }
    operation_ptr acquire() {
        const std::uint64_t n = 1 + roll(world::permits);
        return std::make_unique<stay<acquire_future, room>>(world_.slots.async_acquire(n),
                                                            world_.admitted, n, roll(3));
    }

    operation_ptr one_value() {
        if (ask) {
            switch (roll(3)) {
                case 0:
                    return std::make_unique<given_up>(make_operation(ask->async_closed(), [] {}),
                                                      3);
                case 1:
                    ask.reset();
                    return nullptr;
                default:
                    send_one();
                    return nullptr;
            }
        }
        if (answer) {
            if (roll(4) == 0) answer->close();
            return make_operation(answer->async_recv(), [](std::expected<token, recv_error> v) {
                if (v) std::move(*v).arrive();
            });
        }
        return nullptr;
    }
    void send_one() {
        const number n = world_.book.open();
        auto sent = ask->send(token(world_.book, n));
        if (sent) {
            world_.book.tell(n, told::sent, perishes::with_its_receiver);
        } else {
            give_back(n, std::move(sent.error().value));
        }
        ask.reset();
    }
    void give_back(number n, token value) {
        world_.book.tell(n, told::returned);
        std::move(value).come_back();
    }

    operation_ptr with_two_ends() {
        if (out.many && roll(2) == 0) return send_to_many();
        if (out.all && roll(2) == 0) {
            if (out.all->send({index_, ++sequence_})) ++world_.broadcasts;
            return nullptr;
        }
        if (out.latest) {
            out.latest->send_modify([](std::uint64_t& v) { ++v; });
            ++world_.changes;
            return nullptr;
        }
        return receive();
    }
    operation_ptr send_to_many() {
        const number n = world_.book.open();
        token value(world_.book, n);
        switch (roll(4)) {
            case 0: {
                auto sent = out.many->try_send(std::move(value));
                if (sent) {
                    world_.book.tell(n, told::sent, perishes::with_the_receiver);
                } else {
                    give_back(n, std::move(sent.error().value));
                }
                return nullptr;
            }
            case 1:
                return make_operation(
                    out.many->async_reserve(),
                    [this, n, v = std::move(value)](auto permit) mutable { use(permit, n, v); });
            default:
                return make_operation(out.many->async_send(std::move(value)), [this, n](auto sent) {
                    if (sent) {
                        world_.book.tell(n, told::sent, perishes::with_the_receiver);
                    } else {
                        give_back(n, std::move(sent.error().value));
                    }
                });
        }
    }
    void use(std::expected<mpsc_permit<token>, send_error<void>>& permit, number n, token& value) {
        if (!permit) return give_back(n, std::move(value));
        if (roll(4) == 0) return; // unused
        auto sent = permit->send(std::move(value));
        if (sent) {
            world_.book.tell(n, told::sent, perishes::with_the_receiver);
        } else {
            give_back(n, std::move(sent.error().value));
        }
    }

    // A step of the receiving end, if this party has one.
    operation_ptr receive() {
        if (in.many) {
            return make_operation(in.many->async_recv(), [this](std::optional<token> v) {
                open_ = v.has_value();
                if (v) std::move(*v).arrive();
            });
        }
        if (in.all) {
            return make_operation(in.all->async_recv(), [this](auto v) { heard(v); });
        }
        if (in.latest) {
            return make_operation(in.latest->async_changed(), [this](auto changed) {
                open_ = changed.has_value();
                if (open_) look();
            });
        }
        return nullptr;
    }
    void heard(const std::expected<broadcast_value, broadcast_recv_error>& v) {
        if (v) {
            ++heard_;
            EXPECT_LT(std::exchange(last_of_[v->sender], v->sequence), v->sequence)
                << "a value of the broadcast came twice or out of order";
        } else if (v.error().is_lagged()) {
            heard_ += v.error().lagged();
        } else {
            open_ = false;
        }
    }
    void look() {
        const std::uint64_t now = *in.latest->borrow_and_update();
        EXPECT_LT(std::exchange(seen_, now), now) << "the watched value went back";
    }

    // The end of the program: most receivers go on to the end of their channel.
    std::optional<operation_ptr> last() {
        out = {};
        ask.reset();
        if (!ending_) ending_ = roll(5);
        if (*ending_ == 0 && !in.all) return std::nullopt; // leaves what is there
        if (*ending_ == 1 && in.many) in.many->close();
        if (!open_) {
            finish();
            return std::nullopt;
        }
        operation_ptr step = receive();
        if (step == nullptr) return std::nullopt;
        return step;
    }
    // All the senders are gone.
    void finish() {
        if (in.all) {
            EXPECT_EQ(heard_, world_.broadcasts) << "a value of the broadcast is missing";
        }
        if (in.latest) {
            EXPECT_EQ(seen_, world_.changes) << "the last value was not seen";
        }
        in.many.reset(); // left nothing
    }

    world& world_;
    const unsigned index_;
    random_numbers random_;
    unsigned left_;
    std::optional<unsigned> ending_;
    bool open_ = true;
    unsigned sequence_ = 0;
    std::uint64_t heard_ = 0, seen_ = 0;
    std::map<unsigned, unsigned> last_of_;
};

} // namespace sennit::test
