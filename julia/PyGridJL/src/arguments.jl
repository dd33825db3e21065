# What a caller gave that cannot be used.

"""
    InvalidArgument(message)

An argument that cannot be used; the message names it and says what is wanted. Everything else
that is thrown is a failure of a solver or a package.
"""
struct InvalidArgument <: Exception
    message::String
end

Base.showerror(io::IO, error::InvalidArgument) = print(io, "InvalidArgument: ", error.message)

refuse(message::AbstractString) = throw(InvalidArgument(message))
