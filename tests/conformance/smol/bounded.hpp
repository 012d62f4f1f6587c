// The suite of async-channel's tests/bounded.rs, of which two files have the cases: channel_bounded_test.cpp and
// channel_bounded_flow_test.cpp. A case that is the same for both kinds of channel is a function here, defined beside its test.
#pragma once

#include "conformance/smol/ends.hpp"

#include <atomic>

namespace sennit::test::smol {

class smol_bounded : public test::conformance {
protected:
    template<class Ends>
    void every_way_in_and_out();
    template<class Ends>
    void try_recv_answers();
    template<class Ends>
    void recv_waits();
    template<class Ends>
    void try_send_answers();
    template<class Ends>
    void send_waits();
    template<class Ends>
    void send_after_close();
    template<class Ends>
    void recv_after_close();
    template<class Ends>
    void len_under_load();
    template<class Ends>
    void close_wakes_senders();
    template<class Ends>
    void in_order();
    template<class Ends>
    void refused_values_die_once();

    std::atomic<int> waiting_{0};
};

} // namespace sennit::test::smol
