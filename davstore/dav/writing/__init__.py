"""What PUT, DELETE, MOVE and COPY mean, in shares, in accounts and beside videos."""
