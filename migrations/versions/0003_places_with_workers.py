"""steps in line for a place with their worker, who holds an attempt, which thread an event belongs to

Revision 0003, after 0002. New columns have defaults in the database, so that a bot of the version before goes
on beside this one during a rolling restart.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("held_at", sa.Float(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_inbox_place",
            ["workspace", "place"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("asked_at", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("in_line", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("line_since", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("ahead", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("told_at", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("holder", sa.Text(), server_default="", nullable=False))
        batch_op.create_index(
            "ix_step_line",
            ["worker", "workspace", "asked_at"],
            unique=False,
            sqlite_where=sa.text("in_line"),
            postgresql_where=sa.text("in_line"),
        )
        batch_op.drop_index("ix_step_lease")
        batch_op.create_index(
            "ix_step_lease",
            ["worker", "workspace", "lease_until"],
            unique=False,
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )

    op.create_table(
        "turn",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "worker", name=op.f("pk_turn")),
    )


def downgrade() -> None:
    op.drop_table("turn")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index("ix_step_line")
        batch_op.drop_index("ix_step_lease")
        batch_op.create_index(
            "ix_step_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )
        for name in ("holder", "told_at", "ahead", "line_since", "in_line", "asked_at", "priority"):
            batch_op.drop_column(name)

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_place")
        for name in ("held_at", "tries", "place"):
            batch_op.drop_column(name)
