#include <sennit/base/list.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace {

using sennit::list;
using sennit::list_node;

struct item : list_node {
    explicit item(int value) : id(value) {}
    int id;
};

static_assert(std::bidirectional_iterator<list<item>::iterator>);

std::vector<int> ids(const list<item>& from) {
    std::vector<int> found;
    for (const item& each : from)
        found.push_back(each.id);
    return found;
}

void drain(list<item>& from) {
    while (from.pop_front() != nullptr) {}
}

TEST(list, starts_empty) {
    list<item> items;
    EXPECT_TRUE(items.empty());
    EXPECT_EQ(items.front(), nullptr);
    EXPECT_EQ(items.pop_front(), nullptr);
    EXPECT_EQ(items.begin(), items.end());
}

TEST(list, keeps_the_order_of_pushes) {
    item a(1), b(2), c(3);
    list<item> items;
    items.push_back(b);
    items.push_back(c);
    items.push_front(a);
    EXPECT_EQ(ids(items), (std::vector{1, 2, 3}));
    EXPECT_EQ(items.front(), &a);
    EXPECT_EQ(items.pop_front(), &a);
    EXPECT_EQ(items.pop_front(), &b);
    EXPECT_EQ(items.pop_front(), &c);
    EXPECT_TRUE(items.empty());
}

TEST(list, removes_from_every_place) {
    item a(1), b(2), c(3), d(4);
    list<item> items;
    for (item* each : {&a, &b, &c, &d})
        items.push_back(*each);
    items.remove(b);
    EXPECT_EQ(ids(items), (std::vector{1, 3, 4}));
    items.remove(a);
    items.remove(d);
    EXPECT_EQ(ids(items), (std::vector{3}));
    items.remove(c);
    EXPECT_TRUE(items.empty());
    items.push_back(a);
    EXPECT_EQ(ids(items), (std::vector{1}));
    drain(items);
}

TEST(list, node_knows_whether_it_is_linked) {
    item a(1);
    list<item> items;
    EXPECT_FALSE(a.is_linked());
    items.push_back(a);
    EXPECT_TRUE(a.is_linked());
    items.remove(a);
    EXPECT_FALSE(a.is_linked());
}

TEST(list, splice_back_appends_and_empties_the_source) {
    item a(1), b(2), c(3);
    list<item> front, back;
    front.push_back(a);
    back.push_back(b);
    back.push_back(c);
    front.splice_back(std::move(back));
    EXPECT_EQ(ids(front), (std::vector{1, 2, 3}));
    // NOLINTBEGIN(bugprone-use-after-move): a list that was moved from is empty, and of use.
    EXPECT_TRUE(back.empty());
    front.splice_back(std::move(back)); // nothing to take
    EXPECT_EQ(ids(front), (std::vector{1, 2, 3}));
    back.splice_back(std::move(front)); // into an empty list
    EXPECT_EQ(ids(back), (std::vector{1, 2, 3}));
    back.splice_back(std::move(back)); // into itself
    EXPECT_EQ(ids(back), (std::vector{1, 2, 3}));
    // NOLINTEND(bugprone-use-after-move)
    drain(back);
}

TEST(list, move_takes_the_elements_over) {
    item a(1), b(2);
    list<item> from;
    from.push_back(a);
    from.push_back(b);
    list<item> to(std::move(from));
    EXPECT_TRUE(from.empty()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(ids(to), (std::vector{1, 2}));
    from = std::move(to);
    EXPECT_EQ(ids(from), (std::vector{1, 2}));
    drain(from);
}

TEST(list, iterates_backwards) {
    item a(1), b(2);
    list<item> items;
    items.push_back(a);
    items.push_back(b);
    auto at = items.end();
    EXPECT_EQ((--at)->id, 2);
    EXPECT_EQ((at--)->id, 2);
    EXPECT_EQ((at++)->id, 1);
    EXPECT_EQ(at->id, 2);
    drain(items);
}

TEST(list, an_element_may_go_once_the_iterator_has_left_it) {
    item a(1), b(2), c(3);
    list<item> items;
    for (item* each : {&a, &b, &c})
        items.push_back(*each);
    for (auto at = items.begin(); at != items.end();) {
        item& each = *at++;
        if (each.id != 2) items.remove(each);
    }
    EXPECT_EQ(ids(items), (std::vector{2}));
    drain(items);
}

struct by_age : list_node {};
struct by_name : list_node {};
struct person : by_age, by_name {
    int id = 0;
};

TEST(list, object_is_in_one_list_for_each_base) {
    person a, b;
    list<person, by_age> ages;
    list<person, by_name> names;
    ages.push_back(a);
    ages.push_back(b);
    names.push_back(b);
    names.push_back(a);
    EXPECT_EQ(ages.front(), &a);
    EXPECT_EQ(names.front(), &b);
    ages.remove(a);
    EXPECT_EQ(ages.front(), &b);
    names.remove(b);
    names.remove(a);
    ages.remove(b);
}

TEST(list, agrees_with_a_deque_under_random_operations) {
    // A model test: every operation is done on the list and on a deque of the same objects.
    std::minstd_rand random(1);
    std::vector<std::unique_ptr<item>> objects;
    for (int i = 0; i < 16; ++i)
        objects.push_back(std::make_unique<item>(i));
    list<item> items;
    std::deque<int> model;
    for (int step = 0; step < 20'000; ++step) {
        item& any = *objects[random() % objects.size()];
        if (random() % 8 == 0) {
            item* first = items.pop_front();
            ASSERT_EQ(first == nullptr, model.empty());
            if (first != nullptr) {
                ASSERT_EQ(first->id, model.front());
                model.pop_front();
            }
        } else if (any.is_linked()) {
            items.remove(any);
            std::erase(model, any.id);
        } else if (random() % 2 == 0) {
            items.push_back(any);
            model.push_back(any.id);
        } else {
            items.push_front(any);
            model.push_front(any.id);
        }
        ASSERT_EQ(ids(items), std::vector<int>(model.begin(), model.end()));
    }
    drain(items);
}

TEST(list, works_in_constant_evaluation) {
    static_assert([] {
        struct node : list_node {};
        node a, b;
        list<node> nodes;
        nodes.push_back(a);
        nodes.push_front(b);
        bool right = nodes.pop_front() == &b && nodes.pop_front() == &a;
        return right && nodes.empty();
    }());
}

#if SENNIT_DEBUG
TEST(list_death, finds_double_insertion_removal_and_destruction) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    item a(1);
    list<item> items;
    EXPECT_DEATH(items.remove(a), "in no list");
    items.push_back(a);
    EXPECT_DEATH(items.push_back(a), "in a list already");
    EXPECT_DEATH(item moved(std::move(a)), "before moving it");
    items.remove(a);
    EXPECT_DEATH(
        {
            std::optional<item> short_lived(2);
            items.push_back(*short_lived);
            short_lived.reset();
        },
        "before destroying it");
    EXPECT_DEATH(
        {
            std::optional<list<item>> short_lived(std::in_place);
            short_lived->push_back(a);
            short_lived.reset();
        },
        "empty a list before destroying it");
}
#endif

} // namespace
