print("keyval")
