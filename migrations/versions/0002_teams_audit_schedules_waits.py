"""teams, the audit log, schedules and their fires, steps that wait

Revision 0002, after 0001. New columns of old rows get what they would have had.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_at", ["workspace", "at"], unique=False)

    op.create_table(
        "fire",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("schedule_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.Float(), nullable=False),
        sa.Column("retry_at", sa.Float(), nullable=False),
        sa.Column("done_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "schedule_id", "slot", name=op.f("pk_fire")),
    )
    with op.batch_alter_table("fire", schema=None) as batch_op:
        batch_op.create_index(
            "ix_fire_open",
            ["retry_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "schedule",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("next_slot", sa.Text(), nullable=False),
        sa.Column("counted_from", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "id", name=op.f("pk_schedule")),
    )
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.create_index("ix_schedule_by", ["workspace", "by"], unique=False)
        batch_op.create_index(
            "ix_schedule_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.create_table(
        "team",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_team")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("zone", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("worker", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("scheduling", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("target", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("schedule", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("remark", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("proposal", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("notice", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("resting", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index(
            "ix_run_schedule",
            ["workspace", "schedule", "created_at"],
            unique=False,
            sqlite_where=sa.text("schedule != ''"),
            postgresql_where=sa.text("schedule != ''"),
        )

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("not_before", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("delay", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("due_at", sa.Float(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_step_ended",
            ["workspace", "finished_at"],
            unique=False,
            sqlite_where=sa.text("kind = 'work' AND finished_at > 0"),
            postgresql_where=sa.text("kind = 'work' AND finished_at > 0"),
        )


def downgrade() -> None:
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_step_ended",
            sqlite_where=sa.text("kind = 'work' AND finished_at > 0"),
            postgresql_where=sa.text("kind = 'work' AND finished_at > 0"),
        )
        batch_op.drop_column("due_at")
        batch_op.drop_column("delay")
        batch_op.drop_column("not_before")

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_run_schedule",
            sqlite_where=sa.text("schedule != ''"),
            postgresql_where=sa.text("schedule != ''"),
        )
        batch_op.drop_column("resting")
        batch_op.drop_column("notice")
        batch_op.drop_column("proposal")
        batch_op.drop_column("remark")
        batch_op.drop_column("schedule")
        batch_op.drop_column("target")
        batch_op.drop_column("scheduling")
        batch_op.drop_column("worker")
        batch_op.drop_column("zone")

    op.drop_table("team")
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_schedule_due",
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_schedule_by")

    op.drop_table("schedule")
    with op.batch_alter_table("fire", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_fire_open",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.drop_table("fire")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_at")

    op.drop_table("audit")
