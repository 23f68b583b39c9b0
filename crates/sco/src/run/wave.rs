//! The changes on the conductor for a wave of routers.
