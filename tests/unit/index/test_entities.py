"""The table of entities leads nowhere that is not in it, and back where it says."""

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, SCALARS


def test_every_type_is_there() -> None:
    where = {
        "scalar": SCALARS,
        "enum": ENUMS,
        "object": OBJECTS,
        "link": ENTITIES,
        "back": ENTITIES,
        "backs": ENTITIES,
    }
    for row in (*ENTITIES.values(), *OBJECTS.values()):
        for field in row.fields:
            assert field.type in where[field.sort], (row.name, field.name)


def test_who_leads_back_is_led_to_by_one_or_by_many() -> None:
    for entity in ENTITIES.values():
        for field in entity.fields:
            if not field.by:
                continue
            other = ENTITIES[field.type].field(field.by)
            assert (other.sort, other.type) == ("link", entity.name), field.name
            assert other.unique == (field.sort == "back"), field.name
            assert field.many == (field.sort == "backs"), field.name


def test_no_entity_says_that_it_has_an_id() -> None:
    assert not [row.name for row in ENTITIES.values() if "id" in {one.name for one in row.fields}]
