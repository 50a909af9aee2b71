module labgloss

go 1.19
